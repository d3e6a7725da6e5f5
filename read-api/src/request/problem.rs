//! Why a text was refused: what stands at a place, and what could stand there.
//!
//! Clients and their users know these words from PostgREST, whose parser library (Parsec) gathers them like this: of two
//! problems the one further on is told, and two at one place are told together.

/// Where a text could not be read on, and what was said about the place. Without messages it is no problem yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Problem {
    /// In bytes.
    at: usize,
    messages: Vec<Message>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message {
    /// A character that does not fit, or the end.
    Found(Option<char>),
    /// A character where the end, or something else, would have done.
    FoundTooMuch(char),
    /// By its description.
    Expected(&'static str),
    /// Just these characters.
    ExpectedWord(&'static str),
}

impl Problem {
    pub(super) fn add(&mut self, at: usize, messages: impl IntoIterator<Item = Message>) {
        if self.messages.is_empty() || at > self.at {
            self.messages.clear();
            self.at = at;
        } else if at < self.at {
            return;
        }
        for message in messages {
            if !self.messages.contains(&message) {
                self.messages.push(message);
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.messages.clear();
    }

    /// Puts what was known before it in front.
    pub(super) fn merge_into(self, mut earlier: Problem) -> Problem {
        if earlier.messages.is_empty() {
            return self;
        }
        if !self.messages.is_empty() {
            earlier.add(self.at, self.messages);
        }
        earlier
    }

    /// Says one word for all that was expected.
    pub(super) fn describe(&mut self, description: &'static str) {
        self.messages.retain(|message| !matches!(message, Message::Expected(_) | Message::ExpectedWord(_)));
        self.messages.push(Message::Expected(description));
    }

    pub(super) fn is_none(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// `unexpected "x" expecting a, b or c`.
    pub(super) fn details(&self) -> String {
        let found = self.messages.iter().filter_map(|message| match message {
            Message::FoundTooMuch(character) => Some(format!("'{}'", shown(*character, '\''))),
            _ => None,
        });
        let mut details = String::new();
        match (found.reduce(|all, next| format!("{all} or {next}")), self.first_found()) {
            (Some(found), _) => details.push_str(&format!("unexpected {found}")),
            (None, Some(Some(character))) => {
                details.push_str(&format!("unexpected \"{}\"", shown(character, '"')));
            }
            (None, Some(None)) => details.push_str("unexpected end of input"),
            (None, None) => {}
        }
        let expected = self.expected();
        if let Some((last, others)) = expected.split_last() {
            if !details.is_empty() {
                details.push(' ');
            }
            details.push_str("expecting ");
            if !others.is_empty() {
                details.push_str(&others.join(", "));
                details.push_str(" or ");
            }
            details.push_str(last);
        }
        if details.is_empty() { "unknown parse error".to_owned() } else { details }
    }

    fn first_found(&self) -> Option<Option<char>> {
        self.messages.iter().find_map(|message| match message {
            Message::Found(found) => Some(*found),
            _ => None,
        })
    }

    fn expected(&self) -> Vec<String> {
        let mut expected: Vec<String> = Vec::new();
        for message in &self.messages {
            let shown = match message {
                Message::Expected(description) => (*description).to_owned(),
                Message::ExpectedWord(word) => {
                    let characters = word.chars().map(|character| shown(character, '"'));
                    format!("\"{}\"", characters.collect::<String>())
                }
                Message::Found(_) | Message::FoundTooMuch(_) => continue,
            };
            if !expected.contains(&shown) {
                expected.push(shown);
            }
        }
        expected
    }
}

/// `"failed to parse order (a!)" (line 1, column 3)`, both from 1; a tab moves to the next multiple of eight.
pub(super) fn place(kind: &str, text: &str, before: &str) -> String {
    let (line, column) = before.chars().fold((1, 1), |(line, column), character| match character {
        '\n' => (line + 1, 1),
        '\t' => (line, column + 8 - (column - 1) % 8),
        _ => (line, column + 1),
    });
    format!("\"failed to parse {kind} ({text})\" (line {line}, column {column})")
}

/// A character as Haskell shows it inside quotes.
fn shown(character: char, quote: char) -> String {
    match character {
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        '\r' => "\\r".to_owned(),
        '\\' => "\\\\".to_owned(),
        _ if character == quote => format!("\\{character}"),
        ' '..='~' => character.to_string(),
        _ => format!("\\{}", u32::from(character)),
    }
}
