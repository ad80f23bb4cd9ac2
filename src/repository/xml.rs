//! The elements of a small XML document, one by one, for what is too plain to be worth a schema.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use serde::Deserialize;

/// How deep elements may lie in one another.
const MAX_DEPTH: usize = 32;

/// An element: its name without prefix, its attributes, and the text that it has itself.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    text: String,
}

impl Element {
    fn new(start: &BytesStart<'_>) -> Result<Self, String> {
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let value =
                attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
            attributes.push((attribute.key.local_name().as_ref().to_owned(), value.into_owned()));
        }
        Ok(Self { name: start.local_name().as_ref().to_owned(), attributes, text: String::new() })
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn text(&self) -> &str {
        self.text.trim()
    }
}

/// Visits each element when it ends, with those that it lies in, the root first and itself last.
pub(super) fn for_each_element(document: &str, visit: &mut dyn FnMut(&[Element])) -> Result<(), String> {
    let mut reader = Reader::from_str(document);
    let mut path: Vec<Element> = Vec::new();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => {
                path.push(Element::new(&start)?);
                if path.len() > MAX_DEPTH {
                    return Err(format!("its elements lie more than {MAX_DEPTH} deep in one another"));
                }
            }
            Event::Empty(start) => {
                path.push(Element::new(&start)?);
                visit(&path);
                path.pop();
            }
            Event::End(_) => {
                visit(&path);
                path.pop();
            }
            Event::Text(text) => append(&mut path, &text),
            Event::CData(text) => append(&mut path, &text),
            Event::GeneralRef(entity) => match entity.resolve_char_ref() {
                Ok(Some(character)) => append(&mut path, character.encode_utf8(&mut [0; 4])),
                _ => match resolve_predefined_entity(&entity) {
                    Some(text) => append(&mut path, text),
                    None => return Err("it has an entity that XML does not define".to_owned()),
                },
            },
            Event::Eof if path.is_empty() => return Ok(()),
            Event::Eof => return Err("it ends before its last element does".to_owned()),
            _ => {}
        }
    }
}

fn append(path: &mut [Element], text: &str) {
    if let Some(element) = path.last_mut() {
        element.text.push_str(text);
    }
}
/// Whether the first element of a document has this name. (The deserializer takes any.)
pub(super) fn is_root(document: &str, name: &str) -> bool {
    let mut reader = quick_xml::Reader::from_str(document);
    loop {
        match reader.read_event() {
            Ok(quick_xml::events::Event::Start(start)) => return start.local_name().as_ref() == name,
            Ok(quick_xml::events::Event::Eof | quick_xml::events::Event::Empty(_)) | Err(_) => return false,
            Ok(_) => {}
        }
    }
}

/// A `<location>` of repomd.xml or primary.xml: where a file is.
#[derive(Deserialize)]
pub(super) struct Location {
    #[serde(rename = "@href")]
    pub(super) href: String,
    #[serde(rename = "@xml:base")]
    pub(super) base: Option<String>,
}

/// A `<checksum>` of repomd.xml or primary.xml.
#[derive(Deserialize)]
pub(super) struct TypedDigits {
    #[serde(rename = "@type")]
    pub(super) kind: String,
    #[serde(rename = "$text", default)]
    pub(super) digits: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(document: &str) -> Result<Vec<String>, String> {
        let mut told = Vec::new();
        for_each_element(document, &mut |path| {
            let names: Vec<&str> = path.iter().map(|element| element.name.as_str()).collect();
            let element = path.last().expect("itself");
            told.push(format!("{} {:?} {:?}", names.join("/"), element.attribute("a"), element.text()));
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
        for document in ["<a>", "<a></b>", "<a>&bomb;</a>", "<a b=1/>", "<a b='&bomb;'/>", &"<a>".repeat(40)] {
            assert!(told(document).is_err(), "{document}");
        }
    }
}
