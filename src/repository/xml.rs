//! The elements of an XML document, one by one: the one way in which XML from outside is read.
//!
//! Nothing of an element is kept beyond its end, and its attributes are looked for when they are asked for.

#![allow(clippy::disallowed_methods)] // this is the way that all others take

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

use crate::budget::{Budget, Held, OverBudget};
use crate::text::named;

/// How deep elements may lie in one another.
const MAX_DEPTH: usize = 32;
/// How often each byte is looked at.
const STEPS_OF_BYTE: u64 = 4;

/// Why a document can not be read.
#[derive(Debug)]
pub(super) enum XmlError {
    OverBudget(OverBudget),
    Malformed(String),
}

impl From<OverBudget> for XmlError {
    fn from(over: OverBudget) -> Self {
        Self::OverBudget(over)
    }
}

impl From<String> for XmlError {
    fn from(reason: String) -> Self {
        Self::Malformed(reason)
    }
}

/// An element: its name without prefix, its attributes, and the text that it has itself.
pub(super) struct Element<'a> {
    start: BytesStart<'a>,
    budget: &'a Budget,
    text: Cow<'a, str>,
}

impl<'a> Element<'a> {
    fn new(start: BytesStart<'a>, budget: &'a Budget) -> Self {
        Self { start, budget, text: Cow::Borrowed("") }
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.start.local_name().as_ref() == name
    }

    #[cfg(test)]
    fn name(&self) -> String {
        self.start.local_name().as_ref().to_owned()
    }

    /// The value of an attribute that is named so, without its prefix; of several the first.
    pub(super) fn attribute(&self, name: &str) -> Result<Option<String>, XmlError> {
        self.budget.work(STEPS_OF_BYTE * self.start.len() as u64)?;
        for attribute in self.start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| error.to_string())?;
            if attribute.key.local_name().as_ref() == name {
                let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0);
                return Ok(Some(value.map_err(|error| error.to_string())?.into_owned()));
            }
        }
        Ok(None)
    }

    pub(super) fn text(&self) -> &str {
        self.text.trim()
    }

    fn append(&mut self, text: Cow<'a, str>, held: &Held) -> Result<(), OverBudget> {
        if self.text.is_empty() {
            self.text = text;
            return Ok(());
        }
        held.add(2 * text.len() + if matches!(self.text, Cow::Borrowed(_)) { self.text.len() } else { 0 })?;
        self.text.to_mut().push_str(&text);
        Ok(())
    }
}

/// Visits each element when it ends, with those that it lies in, the root first and itself last.
pub(super) fn for_each_element<'a>(
    document: &'a str,
    budget: &'a Budget,
    visit: &mut dyn FnMut(&[Element<'a>]) -> Result<(), XmlError>,
) -> Result<(), XmlError> {
    budget.work(STEPS_OF_BYTE * document.len() as u64)?;
    let held = budget.hold(0)?;
    let mut reader = Reader::from_str(document);
    let mut path: Vec<Element<'a>> = Vec::new();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => {
                path.push(Element::new(start, budget));
                if path.len() > MAX_DEPTH {
                    return Err(format!("its elements lie more than {MAX_DEPTH} deep in one another").into());
                }
            }
            Event::Empty(start) => {
                path.push(Element::new(start, budget));
                visit(&path)?;
                path.pop();
            }
            Event::End(_) => {
                visit(&path)?;
                path.pop();
            }
            Event::Text(text) => append(&mut path, text.into_inner(), &held)?,
            Event::CData(text) => append(&mut path, text.into_inner(), &held)?,
            Event::GeneralRef(entity) => match entity.resolve_char_ref() {
                Ok(Some(character)) => append(&mut path, character.to_string().into(), &held)?,
                _ => match resolve_predefined_entity(&entity) {
                    Some(text) => append(&mut path, text.into(), &held)?,
                    None => {
                        return Err(format!("it has the entity {}, which XML does not define", named(&entity)).into());
                    }
                },
            },
            Event::Eof if path.is_empty() => return Ok(()),
            Event::Eof => return Err("it ends before its last element does".to_owned().into()),
            _ => {}
        }
    }
}

fn append<'a>(path: &mut [Element<'a>], text: Cow<'a, str>, held: &Held) -> Result<(), OverBudget> {
    path.last_mut().map_or(Ok(()), |element| element.append(text, held))
}

/// Whether the first element of a document has this name.
pub(super) fn is_root(document: &str, name: &str) -> bool {
    let mut reader = Reader::from_str(document);
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => return start.local_name().as_ref() == name,
            Ok(Event::Eof | Event::Empty(_)) | Err(_) => return false,
            Ok(_) => {}
        }
    }
}

/// A `<location>` of repomd.xml or primary.xml: where a file is.
pub(super) struct Location {
    pub(super) href: String,
    pub(super) base: Option<String>,
}

impl Location {
    pub(super) fn of(element: &Element<'_>) -> Result<Self, XmlError> {
        let href = element.attribute("href")?.ok_or_else(|| "a <location> has no href".to_owned())?;
        Ok(Self { href, base: element.attribute("base")? })
    }
}

/// A `<checksum>` of repomd.xml or primary.xml.
pub(super) struct TypedDigits {
    pub(super) kind: String,
    pub(super) digits: String,
}

impl TypedDigits {
    pub(super) fn of(element: &Element<'_>) -> Result<Self, XmlError> {
        let kind = element.attribute("type")?.ok_or_else(|| "a <checksum> has no type".to_owned())?;
        Ok(Self { kind, digits: element.text().to_owned() })
    }
}

/// Puts the value of an element where its kind belongs, which may be there once.
pub(super) fn once<T>(place: &mut Option<T>, name: &str, value: T) -> Result<(), XmlError> {
    if place.replace(value).is_some() { Err(format!("it has two <{name}>").into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(document: &str) -> Result<Vec<String>, XmlError> {
        let mut told = Vec::new();
        let budget = Budget::default();
        for_each_element(document, &budget, &mut |path| {
            let names: Vec<String> = path.iter().map(Element::name).collect();
            let element = path.last().expect("itself");
            told.push(format!("{} {:?} {:?}", names.join("/"), element.attribute("a")?, element.text()));
            Ok(())
        })?;
        Ok(told)
    }

    #[test]
    fn elements_come_when_they_end_with_their_attributes_and_text() {
        let document =
            "<?xml version='1.0'?><!-- x --><r><x:b x:a='1 &amp; 2'> a &lt;<![CDATA[<]]> &#43; </x:b><c/>t</r>";
        assert_eq!(
            told(document).expect("a document"),
            [r#"r/b Some("1 & 2") "a << +""#, r#"r/c None """#, r#"r None "t""#]
        );
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for document in ["<a>", "<a></b>", "<a>&bomb;</a>", "<a b=1/>", "<a a='&bomb;'/>", &"<a>".repeat(40)] {
            assert!(told(document).is_err(), "{document}");
        }
    }
}
