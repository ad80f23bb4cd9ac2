//! Fields of newer versions: what a version does not know is kept, and merges without loss.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry::{Occupied, Vacant};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Fields of newer versions, by name.
///
/// Of two objects the fields of both are kept, of two other values the larger. So what a newer version adds merges in
/// an older one as it does in the newer: as a map of maps that end in values of which the larger counts.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Unknown(BTreeMap<String, Value>);

impl Unknown {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many values there are, those within others among them.
    pub(super) fn values(&self) -> usize {
        fn count(value: &Value) -> usize {
            1 + match value {
                Value::Array(values) => values.iter().map(count).sum(),
                Value::Object(fields) => fields.values().map(count).sum(),
                _ => 0,
            }
        }
        self.0.values().map(count).sum()
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (field, value) in other.0 {
            join_field(&mut self.0, field, value, |known, value| *known = join(std::mem::take(known), value));
        }
    }
}

/// The larger of both by what is known of them, with the fields of newer versions that either has.
pub(super) fn take_larger<T: Ord>(one: &mut T, mut other: T, unknown: impl Fn(&mut T) -> &mut Unknown) {
    let (mut mine, theirs) = (std::mem::take(unknown(one)), std::mem::take(unknown(&mut other)));
    if *one < other {
        *one = other;
    }
    mine.merge(theirs);
    *unknown(one) = mine;
}

impl PartialOrd for Unknown {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Unknown {
    fn cmp(&self, other: &Self) -> Ordering {
        let text = |unknown: &Self| serde_json::to_string(&unknown.0).unwrap_or_default();
        if self == other { Ordering::Equal } else { text(self).cmp(&text(other)) }
    }
}

fn join_field<K: Ord, V>(fields: &mut BTreeMap<K, V>, field: K, value: V, join: impl FnOnce(&mut V, V)) {
    match fields.entry(field) {
        Vacant(place) => drop(place.insert(value)),
        Occupied(mut known) => join(known.get_mut(), value),
    }
}

fn join(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Object(mut one), Value::Object(other)) => {
            for (field, value) in other {
                let joined = match one.remove(&field) {
                    Some(known) => join(known, value),
                    None => value,
                };
                one.insert(field, joined);
            }
            Value::Object(one)
        }
        (one, other) if order(&one, &other).is_ge() => one,
        (_, other) => other,
    }
}

/// Objects are the largest, so that a field that became one stays one. Numbers are compared as such.
fn order(one: &Value, other: &Value) -> Ordering {
    let kind = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    };
    let whole = |value: &Value| value.as_u64().map(i128::from).or_else(|| value.as_i64().map(i128::from));
    // Whole numbers that no float tells apart are compared once more.
    let numbers = || {
        let floats = [one, other].map(|value| value.as_f64().unwrap_or_default());
        floats[0].total_cmp(&floats[1]).then(whole(one).cmp(&whole(other)))
    };
    kind(one).cmp(&kind(other)).then_with(numbers).then_with(|| one.to_string().cmp(&other.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn unknown(value: Value) -> Unknown {
        Unknown(BTreeMap::from([("field".to_owned(), value)]))
    }

    fn merged(one: Value, other: Value) -> Value {
        let mut merged = unknown(one);
        merged.merge(unknown(other));
        merged.0["field"].clone()
    }

    #[test]
    fn of_two_values_both_are_kept_where_they_are_objects_and_else_the_larger() {
        for (one, other, expected) in [
            (json!(9), json!(10), json!(10)),
            (json!(-1), json!(0.5), json!(0.5)),
            (json!(1.5), json!(1), json!(1.5)),
            (json!(u64::MAX), json!(i64::MIN), json!(u64::MAX)),
            (json!("b"), json!("ab"), json!("b")),
            (json!(null), json!(false), json!(false)),
            (json!([1, 2]), json!([2]), json!([2])),
            (json!({"a": 1}), json!("text"), json!({"a": 1})),
            (json!({"a": 1, "b": {"x": 1}}), json!({"a": 2, "b": {"y": 2}}), json!({"a": 2, "b": {"x": 1, "y": 2}})),
        ] {
            assert_eq!(merged(one.clone(), other.clone()), expected, "{one} and {other}");
            assert_eq!(merged(other.clone(), one.clone()), expected, "{other} and {one}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-2i64..3).prop_map(Value::from),
            (0u8..8).prop_map(|eighths| json!(f64::from(eighths) / 8.0)),
            "[ab]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::btree_map("[ab]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_is_a_join(a in value(), b in value(), c in value()) {
            prop_assert_eq!(join(a.clone(), a.clone()), a.clone());
            prop_assert_eq!(join(a.clone(), b.clone()), join(b.clone(), a.clone()));
            prop_assert_eq!(join(join(a.clone(), b.clone()), c.clone()), join(a, join(b, c)));
        }
    }
}
