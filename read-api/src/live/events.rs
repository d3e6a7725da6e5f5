//! Server-sent events, as bytes.

use crate::answer::write_string;

/// Events that wait to be sent together.
#[derive(Debug, Default)]
pub(crate) struct Events {
    buffer: Vec<u8>,
}

/// How an event names the place behind it, for whoever resumes there.
pub(crate) enum Id<'a> {
    /// As the event before.
    Same,
    /// Nowhere: whoever resumes begins anew.
    Nowhere,
    Place(&'a str),
}

impl Events {
    /// One event. Its data is one line of JSON.
    pub(crate) fn event(&mut self, name: &str, id: Id<'_>, data: impl FnOnce(&mut Vec<u8>)) {
        match id {
            Id::Same => {}
            Id::Nowhere => self.buffer.extend_from_slice(b"id:\n"),
            Id::Place(id) => self.line("id: ", id),
        }
        self.line("event: ", name);
        self.buffer.extend_from_slice(b"data: ");
        data(&mut self.buffer);
        self.buffer.extend_from_slice(b"\n\n");
    }

    /// Keeps connections open that are closed when nothing is said; clients pass it over.
    pub(crate) fn comment(&mut self, text: &str) {
        self.line(": ", text);
        self.buffer.push(b'\n');
    }

    /// After how long a client that lost its connection is to ask again.
    pub(crate) fn retry(&mut self, milliseconds: u64) {
        self.line("retry: ", &milliseconds.to_string());
        self.buffer.push(b'\n');
    }

    pub(crate) fn bytes(&self) -> usize {
        self.buffer.len()
    }

    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    fn line(&mut self, field: &str, text: &str) {
        self.buffer.extend_from_slice(field.as_bytes());
        self.buffer.extend_from_slice(text.as_bytes());
        self.buffer.push(b'\n');
    }
}

/// A member of an event's data.
pub(crate) enum Member<'a> {
    Text(&'a str),
    Number(i64),
}

pub(crate) fn write_object(members: &[(&str, Member<'_>)], out: &mut Vec<u8>) {
    for (place, (name, member)) in members.iter().enumerate() {
        out.push(if place == 0 { b'{' } else { b',' });
        write_string(name, out);
        out.push(b':');
        match member {
            Member::Text(text) => write_string(text, out),
            Member::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        }
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_lines() {
        let mut events = Events::default();
        events.retry(1_500);
        let members = [("reason", Member::Text("\"\n")), ("generation", Member::Number(-7))];
        events.event("begin", Id::Nowhere, |out| write_object(&members, out));
        events.event("insert", Id::Place("x.1"), |out| out.extend_from_slice(b"{}"));
        events.comment("still here");
        assert_eq!(
            String::from_utf8(events.take()).unwrap(),
            "retry: 1500\n\nid:\nevent: begin\ndata: {\"reason\":\"\\\"\\n\",\"generation\":-7}\n\n\
             id: x.1\nevent: insert\ndata: {}\n\n: still here\n\n"
        );
        assert_eq!(events.bytes(), 0);
    }
}
