//! `fat "white rat" or cat -dog`, as people type into search boxes: never wrong, at worst without a word.

use super::{TextQuery, all, any, has_word};

pub(super) fn parse(text: &str) -> Option<TextQuery> {
    let mut alternatives = vec![Vec::new()];
    for token in tokens(text) {
        match token {
            Token::Or => alternatives.push(Vec::new()),
            Token::Text { text, is_negated } => {
                let operand = TextQuery::text(text);
                let operand = if is_negated { TextQuery::Not(Box::new(operand)) } else { operand };
                alternatives.last_mut()?.push(operand);
            }
        }
    }
    any(alternatives.into_iter().filter_map(all).collect())
}

enum Token<'a> {
    Or,
    Text { text: &'a str, is_negated: bool },
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let operand = rest.trim_start_matches('-');
        let is_negated = operand.len() < rest.len();
        let (operand, is_quoted, after) = match operand.strip_prefix('"') {
            Some(quoted) => {
                let (inner, after) = quoted.split_once('"').unwrap_or((quoted, ""));
                (inner, true, after)
            }
            None => {
                let end = operand.find(|character: char| character.is_whitespace() || character == '"');
                let (word, after) = operand.split_at(end.unwrap_or(operand.len()));
                (word, false, after)
            }
        };
        // As in PostgreSQL, it stands between two; elsewhere it is a word.
        let stands_between = matches!(tokens.last(), Some(Token::Text { .. })) && has_word(after);
        if !is_quoted && !is_negated && stands_between && operand.eq_ignore_ascii_case("or") {
            tokens.push(Token::Or);
        } else if has_word(operand) {
            tokens.push(Token::Text { text: operand, is_negated });
        }
        rest = after.trim_start();
    }
    tokens
}
