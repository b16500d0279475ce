//! Reads a condition.

use super::expr::{Expr, Kind, Place, Relation, Term};
use super::facts::{Cell, Task, Who};
use diolock::call::Returned;
use diolock::op::{Blocks, Content, Half, TaskId};
use std::ops::Range;

/// How conditions are written.
pub const GRAMMAR: &str = r#"condition   = all ("or" all)*
all         = one ("and" one)*
one         = "not" one | "(" condition ")" | value relation value
relation    = "==" | "!=" | "<" | "<=" | ">" | ">="
value       = number | "i_size" | "i_disksize" | block | call ".blocks" | call ".returns" | word
block       = ("file" | "page" | "disk" | call) "[" number "]" [".lower" | ".upper"]
call        = task [number]                                      W: its last, W2: its second
data        = task [number]                                      W: of any of its calls, W2: of its second
word        = data | "old" | "zeros" | "stale" | "foreign" | "hole" | "unwritten" | "none"
            | "ok" | "EAGAIN" | "ENOSPC" | "EBUSY" | "EIO"
"#;

/// Conditions do not nest deeper: a file that nests further was not written by anybody.
const DEPTH: usize = 32;

/// The words for data, each with what it means.
pub const WORDS: [(&str, Cell, &str); 7] = [
    ("old", Cell::Holds(Content::Initial), "what the file held at the start"),
    ("zeros", Cell::Holds(Content::Zero), "zeros"),
    ("stale", Cell::Holds(Content::Stale), "what was on the device before"),
    ("foreign", Cell::Holds(Content::Foreign), "another file's data"),
    ("hole", Cell::Hole, "no block there (of `disk`)"),
    ("unwritten", Cell::Unwritten, "an unwritten block (of `disk`)"),
    ("none", Cell::Nothing, "past i_size, in no page, or not read"),
];

/// What is wrong with a condition, and where, in bytes of its text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// Where.
    pub at: Range<usize>,
    /// What.
    pub message: String,
    /// What would be right there.
    pub choices: Vec<String>,
}

/// Reads a condition; `tasks` are the file's, in task order, and a file has at most so many `blocks`.
///
/// # Errors
/// The first mistake.
pub fn read(text: &str, tasks: &[Task], blocks: Blocks) -> Result<Expr, Mistake> {
    let mut reader = Reader { text, tokens: tokens(text)?, at: 0, tasks, blocks, depth: 0 };
    let expr = reader.any()?;
    match reader.peek() {
        None => Ok(expr),
        Some(token) => {
            Err(reader.wrong(token, "the condition is over here", &["and", "or", "not"]))
        }
    }
}

type Token = Range<usize>;

fn tokens(text: &str) -> Result<Vec<Token>, Mistake> {
    let mut tokens = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((start, first)) = rest.next() {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let mut end = start + first.len_utf8();
        match first {
            c if c.is_whitespace() => continue,
            c if word(c) => {
                while let Some((at, c)) = rest.next_if(|&(_, c)| word(c)) {
                    end = at + c.len_utf8();
                }
                // A number may have a fraction.
                let number = text[start..end].bytes().all(|b| b.is_ascii_digit());
                let fraction = text[end..].strip_prefix('.').unwrap_or_default();
                if number && fraction.starts_with(|c: char| c.is_ascii_digit()) {
                    let point = rest.next();
                    end += point.map_or(0, |(_, c)| c.len_utf8());
                    while let Some((at, c)) = rest.next_if(|&(_, c)| word(c)) {
                        end = at + c.len_utf8();
                    }
                }
            }
            '=' | '!' | '<' | '>' | '&' | '|' => {
                if let Some((at, c)) = rest.next_if(|&(_, c)| matches!(c, '=' | '&' | '|')) {
                    end = at + c.len_utf8();
                }
            }
            '(' | ')' | '[' | ']' | '.' => {}
            other => {
                let message = format!("`{other}` is no part of a condition");
                return Err(Mistake { at: start..end, message, choices: Vec::new() });
            }
        }
        tokens.push(start..end);
    }
    Ok(tokens)
}

struct Reader<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    tasks: &'a [Task],
    blocks: Blocks,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).cloned()
    }

    fn word(&self) -> &str {
        self.peek().map_or("", |token| &self.text[token])
    }

    fn take(&mut self, word: &str) -> bool {
        let there = self.word() == word;
        self.at += usize::from(there);
        there
    }

    fn wrong(&self, at: Token, message: impl Into<String>, choices: &[&str]) -> Mistake {
        let choices = choices.iter().map(|&choice| choice.to_owned()).collect();
        Mistake { at, message: message.into(), choices }
    }

    /// The next token, or where one is missing.
    fn next(&mut self, wanted: &str) -> Result<Token, Mistake> {
        let end = self.text.len();
        let token = self.peek();
        self.at += 1;
        token.ok_or_else(|| self.wrong(end..end, format!("here {wanted} is missing"), &[]))
    }

    fn need(&mut self, word: &str, after: &str) -> Result<(), Mistake> {
        if self.take(word) {
            return Ok(());
        }
        let at = self.peek().unwrap_or(self.text.len()..self.text.len());
        Err(self.wrong(at, format!("`{word}` is missing after {after}"), &[]))
    }

    fn any(&mut self) -> Result<Expr, Mistake> {
        let first = self.all()?;
        let mut parts = vec![first];
        while self.take("or") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::Any(parts) })
    }

    fn all(&mut self) -> Result<Expr, Mistake> {
        let first = self.one()?;
        let mut parts = vec![first];
        while self.take("and") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::All(parts) })
    }

    fn one(&mut self) -> Result<Expr, Mistake> {
        let start = self.peek();
        self.depth += 1;
        if self.depth > DEPTH {
            let at = start.unwrap_or(0..0);
            return Err(self.wrong(at, format!("this is nested more than {DEPTH} deep"), &[]));
        }
        let expr = if self.take("not") {
            Expr::Not(Box::new(self.one()?))
        } else if self.take("(") {
            let expr = self.any()?;
            self.need(")", "the condition in it")?;
            expr
        } else {
            self.compare()?
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn compare(&mut self) -> Result<Expr, Mistake> {
        let (left, left_at) = self.value()?;
        let at = self.next("a relation (==, !=, <, <=, >, >=)")?;
        let relation = match &self.text[at.clone()] {
            "==" => Relation::Equal,
            "!=" => Relation::Unequal,
            "<" => Relation::Less,
            "<=" => Relation::AtMost,
            ">" => Relation::Greater,
            ">=" => Relation::AtLeast,
            other => {
                let message = format!("`{other}` is not a relation");
                return Err(self.wrong(at, message, &["==", "!=", "<", "<=", ">", ">="]));
            }
        };
        let (right, right_at) = self.value()?;
        if left.kind() != right.kind() {
            let message = format!(
                "`{}` is {}, and `{}` is {}",
                &self.text[left_at],
                left.kind().words(),
                &self.text[right_at.clone()],
                right.kind().words()
            );
            return Err(self.wrong(right_at, message, &[]));
        }
        if !matches!(relation, Relation::Equal | Relation::Unequal) && left.kind() != Kind::Number {
            let message = format!("{} has no order", left.kind().words());
            return Err(self.wrong(at, message, &["==", "!="]));
        }
        Ok(Expr::Compare(left, relation, right))
    }

    /// A value, and where it stands.
    fn value(&mut self) -> Result<(Term, Token), Mistake> {
        let first = self.next("a value")?;
        let word = &self.text[first.clone()];
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            let number = word.parse();
            let number = number.map_err(|_: &str| {
                self.wrong(first.clone(), "this is not a number in steps of 0.5", &[])
            });
            return Ok((Term::Number(number?), first));
        }
        let returned = Returned::ALL.iter().find(|returned| returned.name() == word);
        let data = WORDS.iter().find(|known| known.0 == word);
        let task = self.task(word);
        let term = match (word, task) {
            ("i_size", _) => Term::Size,
            ("i_disksize", _) => Term::Disksize,
            ("file", _) => self.block(Place::File)?,
            ("page", _) => self.block(Place::Page)?,
            ("disk", _) => self.block(Place::Disk)?,
            (_, Some(who)) => match self.word() {
                "[" => self.block(Place::Read(who))?,
                "." => self.of_call(who)?,
                _ => Term::DataOf(who),
            },
            _ => match (returned, data) {
                (Some(&returned), _) => Term::Returned(returned),
                (_, Some(&(_, cell, _))) => Term::Data(cell),
                _ => {
                    let tasks: Vec<String> =
                        self.tasks.iter().map(|task| task.0.to_string()).collect();
                    let words = WORDS.iter().map(|known| known.0);
                    let words = words.chain(Returned::ALL.iter().map(|r| r.name()));
                    let places = ["i_size", "i_disksize", "file", "page", "disk"];
                    let mut choices: Vec<&str> = places.into_iter().chain(words).collect();
                    choices.extend(tasks.iter().map(String::as_str));
                    return Err(self.wrong(first, format!("`{word}` is not a value"), &choices));
                }
            },
        };
        let end = self.tokens[self.at - 1].end;
        Ok((term, first.start..end))
    }

    fn task(&self, word: &str) -> Option<Who> {
        let mut chars = word.chars();
        let letter = chars.next()?;
        let task = self.tasks.iter().position(|known| known.0 == letter)?;
        let call = match chars.as_str() {
            "" => None,
            number => {
                let call = number.parse::<usize>().ok()?.checked_sub(1)?;
                (call < self.tasks[task].1).then_some(call)?;
                Some(call)
            }
        };
        Some(Who { task: task as TaskId, call })
    }

    fn block(&mut self, place: Place) -> Result<Term, Mistake> {
        self.need("[", "where the block is looked for")?;
        let at = self.next("the number of a block")?;
        let number = self.text[at.clone()].parse::<Blocks>();
        let number = number.ok().filter(|&block| block < self.blocks);
        let Some(block) = number else {
            let last = self.blocks - 1;
            return Err(self.wrong(at, format!("a block is a number from 0 to {last}"), &[]));
        };
        self.need("]", "the number of the block")?;
        let mut half = None;
        if self.take(".") {
            let at = self.next("half a block")?;
            half = Some(match &self.text[at.clone()] {
                "lower" => Half::Lower,
                "upper" => Half::Upper,
                other => {
                    let message = format!("`{other}` is not half a block");
                    return Err(self.wrong(at, message, &["lower", "upper"]));
                }
            });
        }
        Ok(Term::At(place, block, half))
    }

    fn of_call(&mut self, who: Who) -> Result<Term, Mistake> {
        self.need(".", "the call")?;
        let at = self.next("what of the call is meant")?;
        match &self.text[at.clone()] {
            "blocks" => Ok(Term::Blocks(who)),
            "returns" => Ok(Term::Returns(who)),
            other => {
                let message = format!("`{other}` is nothing of a call");
                Err(self.wrong(at, message, &["blocks", "returns"]))
            }
        }
    }
}
