//! Questions to a PostgreSQL server, and whether its answers are ours.

pub(crate) mod samples;

use std::fmt::Write;

use prejoin_test_servers::Postgres;

/// Longer answers are compared by length, beginning and end.
const LONG_ANSWER: usize = 2000;
const LONG_ANSWER_PART: usize = 800;

const SCRIPT_HEAD: &str = "
CREATE FUNCTION pg_temp.attempt(expression text) RETURNS text LANGUAGE plpgsql AS $function$
DECLARE answer text;
BEGIN
    EXECUTE 'SELECT (' || expression || ')::text' INTO answer;
    answer := coalesce(answer, '(null)');
    IF length(answer) > 2000 THEN
        answer := length(answer) || ' characters: ' || left(answer, 800) || ' … ' || right(answer, 800);
    END IF;
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    RETURN 'ERROR: ' || SQLERRM;
END
$function$;
";

/// Collects questions, asks them all in one script, and fails with every difference.
#[derive(Default)]
pub(crate) struct Judge {
    questions: Vec<Question>,
}

struct Question {
    expression: String,
    ours: Result<String, String>,
    /// Whether any error will do as the answer to an error.
    any_error: bool,
}

impl Judge {
    /// An SQL expression, and its text or error message by our own doing.
    pub(crate) fn ask(&mut self, expression: String, ours: Result<String, String>) {
        self.questions.push(Question { expression, ours, any_error: false });
    }

    /// The same for errors whose messages are our own.
    pub(crate) fn ask_loosely(&mut self, expression: String, ours: Result<String, String>) {
        self.questions.push(Question { expression, ours, any_error: true });
    }

    pub(crate) fn verdict(self, server: &Postgres, topic: &str) {
        assert!(!self.questions.is_empty(), "{topic}: nothing was asked");
        let mut script = String::from(SCRIPT_HEAD);
        for question in &self.questions {
            let expression = &question.expression;
            assert!(!expression.contains("$question$"), "the quotation mark occurs in {expression}");
            writeln!(
                script,
                "SELECT encode(convert_to(pg_temp.attempt($question${expression}$question$), 'UTF8'), 'hex');"
            )
            .expect("writing to a string");
        }
        let output = server.run_script(&script);
        let answers: Vec<String> = output.lines().map(from_hex).collect();
        assert_eq!(answers.len(), self.questions.len(), "{topic}: one answer to each question");
        let differences: Vec<String> = self
            .questions
            .iter()
            .zip(&answers)
            .filter_map(|(question, theirs)| question.difference(theirs))
            .collect();
        let count = differences.len();
        let shown: Vec<String> = differences.into_iter().take(40).collect();
        assert!(count == 0, "{topic}: {count} of {} answers differ:\n{}", answers.len(), shown.join("\n"));
    }
}

impl Question {
    fn difference(&self, theirs: &str) -> Option<String> {
        let ours = match &self.ours {
            Ok(text) => shorten(text),
            Err(_) if self.any_error && theirs.starts_with("ERROR: ") => return None,
            Err(message) => format!("ERROR: {message}"),
        };
        let expression: String = self.expression.chars().take(200).collect();
        (ours != theirs).then(|| format!("{expression}\n  PostgreSQL: {theirs}\n  ours:       {ours}"))
    }
}

fn shorten(text: &str) -> String {
    let length = text.chars().count();
    if length <= LONG_ANSWER {
        return text.to_owned();
    }
    let begin: String = text.chars().take(LONG_ANSWER_PART).collect();
    let end: String = text.chars().skip(length - LONG_ANSWER_PART).collect();
    format!("{length} characters: {begin} … {end}")
}

fn from_hex(hex: &str) -> String {
    let bytes = (0..hex.len() / 2).map(|index| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16));
    let bytes = bytes.collect::<Result<Vec<u8>, _>>().expect("hexadecimal digits");
    String::from_utf8(bytes).expect("PostgreSQL answers in UTF-8")
}

/// A literal of this type.
pub(crate) fn literal(text: &str, kind: &str) -> String {
    format!("'{}'::{kind}", text.replace('\'', "''"))
}
