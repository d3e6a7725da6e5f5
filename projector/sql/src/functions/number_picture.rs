//! The patterns of to_char for numbers: a text cut into places of digits, signs and what stands between them.

/// A piece of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Literal(char),
    /// A place of a digit; `0` keeps zeros that `9` leaves out.
    Digit {
        keeps_zero: bool,
    },
    Point,
    /// A separator of thousands.
    Comma,
    Currency,
    Roman {
        upper: bool,
    },
    Ordinal {
        upper: bool,
    },
    Minus,
    Plus,
    Sign,
}

/// Where the sign is that stands for itself, not as `MI`, `PL` or `SG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    /// `S` before the digits, or in the midst of those before the point.
    Before,
    /// `S` after the digits.
    After,
}

/// A template, read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Picture {
    pub(super) items: Vec<Item>,
    /// Places of digits before the point, and after it.
    pub(super) whole: usize,
    pub(super) fraction: usize,
    /// Digits by which `V` shifts the number to the left.
    pub(super) shift: usize,
    /// The number of the first `0` before the point among all places, from 0.
    pub(super) zero_from: Option<usize>,
    /// How many places there are up to the last `0`.
    pub(super) zero_until: usize,
    pub(super) is_plain: bool,
    pub(super) has_point: bool,
    pub(super) anchor: Option<Anchor>,
    /// How many places stood before `S`.
    pub(super) before_anchor: usize,
    pub(super) has_minus: bool,
    pub(super) has_plus: bool,
    pub(super) in_brackets: bool,
    pub(super) is_roman: bool,
    pub(super) is_scientific: bool,
    shifts: bool,
    has_blank: bool,
}

/// Every pattern; each may also be written in lower case as a whole. Longer ones first.
const PATTERNS: &[&str] = &[
    "EEEE", "FM", "MI", "PL", "PR", "RN", "SG", "SP", "TH", ",", ".", "0", "9", "B", "C", "D", "G", "L", "S",
    "V",
];

/// Why PostgreSQL refuses a template, or what of it is not supported.
pub(super) fn picture(template: &str) -> Result<Picture, String> {
    let mut picture = Picture::default();
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        let known = PATTERNS
            .iter()
            .find(|name| rest.starts_with(**name) || rest.starts_with(name.to_ascii_lowercase().as_str()));
        if let Some(name) = known {
            let upper = rest.starts_with(name);
            rest = &rest[name.len()..];
            picture.add(name, upper)?;
            continue;
        }
        rest = &rest[first.len_utf8()..];
        match first {
            '"' => rest = picture.quoted(rest),
            '\\' if rest.starts_with('"') => {
                picture.items.push(Item::Literal('"'));
                rest = &rest[1..];
            }
            other => picture.items.push(Item::Literal(other)),
        }
    }
    let beside_roman = |item: &Item| !matches!(item, Item::Literal(_) | Item::Roman { .. });
    if picture.is_roman && picture.items.iter().any(beside_roman) {
        return Err("the pattern RN of to_char beside others is not supported".to_owned());
    }
    Ok(picture)
}

impl Picture {
    fn add(&mut self, name: &str, upper: bool) -> Result<(), String> {
        let refused = |message: &str| Err(message.to_owned());
        if self.is_scientific && name != "EEEE" {
            return refused("\"EEEE\" must be the last pattern used");
        }
        match name {
            "9" | "0" => return self.add_digit(name),
            "D" | "." if self.has_point => return refused("multiple decimal points"),
            "D" | "." if self.shifts => return refused("cannot use \"V\" and decimal point together"),
            "V" if self.has_point => return refused("cannot use \"V\" and decimal point together"),
            "S" if self.anchor.is_some() => return refused("cannot use \"S\" twice"),
            "S" if self.has_minus || self.has_plus || self.in_brackets => {
                return refused("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together");
            }
            "MI" | "PL" | "SG" if self.anchor.is_some() => {
                return Err(format!("cannot use \"S\" and \"{name}\" together"));
            }
            "PR" if self.anchor.is_some() || self.has_minus || self.has_plus => {
                return refused("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together");
            }
            "EEEE" if self.is_scientific => return refused("cannot use \"EEEE\" twice"),
            "EEEE" if self.excludes_exponent() => {
                return refused("\"EEEE\" is incompatible with other formats");
            }
            _ => {}
        }
        let item = match name {
            "D" | "." => {
                self.has_point = true;
                Item::Point
            }
            "," | "G" => Item::Comma,
            "L" => Item::Currency,
            "TH" => Item::Ordinal { upper },
            "RN" => {
                self.is_roman = true;
                Item::Roman { upper }
            }
            "MI" => {
                self.has_minus = true;
                Item::Minus
            }
            "PL" => {
                self.has_plus = true;
                Item::Plus
            }
            "SG" => {
                (self.has_minus, self.has_plus) = (true, true);
                Item::Sign
            }
            _ => {
                self.set(name);
                return Ok(());
            }
        };
        self.items.push(item);
        Ok(())
    }

    fn add_digit(&mut self, name: &str) -> Result<(), String> {
        if self.in_brackets {
            return Err(format!("\"{name}\" must be ahead of \"PR\""));
        }
        let keeps_zero = name == "0";
        self.items.push(Item::Digit { keeps_zero });
        if keeps_zero && !self.has_point && self.zero_from.is_none() {
            self.zero_from = Some(self.whole);
        }
        match self.has_point {
            _ if self.shifts && !keeps_zero => self.shift += 1,
            true => self.fraction += 1,
            false => self.whole += 1,
        }
        if keeps_zero {
            self.zero_until = self.whole + self.fraction;
        }
        Ok(())
    }

    /// Patterns that leave no place of their own.
    fn set(&mut self, name: &str) {
        match name {
            "FM" => self.is_plain = true,
            "PR" => self.in_brackets = true,
            "V" => self.shifts = true,
            "EEEE" => self.is_scientific = true,
            "B" => self.has_blank |= self.whole + self.fraction == 0 && self.zero_from.is_none(),
            "S" => {
                self.anchor = Some(if self.has_point { Anchor::After } else { Anchor::Before });
                self.before_anchor = self.whole;
            }
            _ => {}
        }
    }

    fn excludes_exponent(&self) -> bool {
        let has_sign = self.anchor.is_some() || self.has_minus || self.has_plus || self.in_brackets;
        has_sign || self.has_blank || self.is_plain || self.is_roman || self.shifts
    }

    /// Takes the text up to the closing quotation mark; a backslash takes the next character as it is.
    fn quoted<'a>(&mut self, mut rest: &'a str) -> &'a str {
        while let Some(mut first) = rest.chars().next() {
            rest = &rest[first.len_utf8()..];
            if first == '"' {
                break;
            }
            if first == '\\'
                && let Some(next) = rest.chars().next()
            {
                first = next;
                rest = &rest[next.len_utf8()..];
            }
            self.items.push(Item::Literal(first));
        }
        rest
    }
}
