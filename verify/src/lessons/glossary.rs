//! The glossary: each term in a sentence. The pages and `diolock glossary` print the same.

use serde::Deserialize;

/// The glossary.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Glossary {
    /// Its terms, by name.
    #[serde(rename = "term")]
    pub terms: Vec<Term>,
}

/// A term.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// The term.
    pub name: String,
    /// What it means, in a sentence.
    pub means: String,
}

impl Term {
    /// What a link to it ends in: `term-i-mutex`.
    pub fn id(&self) -> String {
        let harmless =
            |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        format!("term-{}", self.name.chars().map(harmless).collect::<String>())
    }
}

impl Glossary {
    /// The one inside the binary.
    ///
    /// # Panics
    /// If it cannot be read: a test reads it.
    pub fn read() -> Glossary {
        let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/lessons/glossary.toml"));
        toml::from_str(text).expect("lessons/glossary.toml can be read")
    }

    /// A term by its name.
    pub fn find(&self, name: &str) -> Option<&Term> {
        self.terms.iter().find(|term| term.name.eq_ignore_ascii_case(name))
    }
}
