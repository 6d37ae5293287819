//! What is wrong with a text that is not JSON, in the words of Go's `encoding/json`.

/// The first complaint that Go's scanner has about this text.
pub(crate) fn complaint(text: &[u8]) -> String {
    let mut scanner = Scanner { text, at: 0, open: Vec::new() };
    match scanner.document() {
        Ok(()) | Err(Trouble::End) => "unexpected end of JSON input".to_owned(),
        Err(Trouble::Byte(byte, place)) => format!("invalid character {} {place}", quote(byte)),
    }
}

enum Trouble {
    /// The text ends too early.
    End,
    /// This byte cannot stand there.
    Byte(u8, &'static str),
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    /// Brackets that are open.
    open: Vec<u8>,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), Trouble> {
        self.value()?;
        while let Some(open) = self.open.last().copied() {
            let byte = self.visible()?;
            match (open, byte) {
                (b'{', b'}') | (b'[', b']') => {
                    self.open.pop();
                }
                (b'{', b',') => self.member()?,
                (_, b',') => self.value()?,
                (b'{', byte) => return Err(Trouble::Byte(byte, "after object key:value pair")),
                (_, byte) => return Err(Trouble::Byte(byte, "after array element")),
            }
        }
        match self.visible() {
            Ok(byte) => Err(Trouble::Byte(byte, "after top-level value")),
            Err(_) => Ok(()),
        }
    }

    /// Reads a value up to the end of its first scalar or empty object, leaving brackets open.
    fn value(&mut self) -> Result<(), Trouble> {
        loop {
            match self.visible()? {
                b'"' => return self.string(),
                b't' => return self.literal("true"),
                b'f' => return self.literal("false"),
                b'n' => return self.literal("null"),
                byte @ (b'-' | b'0'..=b'9') => return self.number(byte),
                b'[' => {
                    self.open.push(b'[');
                    if self.closes(b']') {
                        return Ok(());
                    }
                }
                b'{' => {
                    self.open.push(b'{');
                    if self.closes(b'}') {
                        return Ok(());
                    }
                    self.key()?;
                }
                byte => return Err(Trouble::Byte(byte, "looking for beginning of value")),
            }
        }
    }

    fn member(&mut self) -> Result<(), Trouble> {
        self.key()?;
        self.value()
    }

    fn key(&mut self) -> Result<(), Trouble> {
        match self.visible()? {
            b'"' => self.string()?,
            byte => return Err(Trouble::Byte(byte, "looking for beginning of object key string")),
        }
        match self.visible()? {
            b':' => Ok(()),
            byte => Err(Trouble::Byte(byte, "after object key")),
        }
    }

    /// Closes an object or list in which nothing stands.
    fn closes(&mut self, bracket: u8) -> bool {
        let before = self.at;
        if matches!(self.visible(), Ok(byte) if byte == bracket) {
            self.open.pop();
            return true;
        }
        self.at = before;
        false
    }

    fn string(&mut self) -> Result<(), Trouble> {
        loop {
            match self.next()? {
                b'"' => return Ok(()),
                b'\\' => match self.next()? {
                    b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => {}
                    b'u' => {
                        for _ in 0..4 {
                            let byte = self.next()?;
                            if !byte.is_ascii_hexdigit() {
                                return Err(Trouble::Byte(byte, "in \\u hexadecimal character escape"));
                            }
                        }
                    }
                    byte => return Err(Trouble::Byte(byte, "in string escape code")),
                },
                byte @ 0..=0x1f => return Err(Trouble::Byte(byte, "in string literal")),
                _ => {}
            }
        }
    }

    fn literal(&mut self, literal: &'static str) -> Result<(), Trouble> {
        const PLACES: [(&str, [&str; 5]); 3] = [
            (
                "true",
                [
                    "",
                    "in literal true (expecting 'r')",
                    "in literal true (expecting 'u')",
                    "in literal true (expecting 'e')",
                    "",
                ],
            ),
            (
                "false",
                [
                    "",
                    "in literal false (expecting 'a')",
                    "in literal false (expecting 'l')",
                    "in literal false (expecting 's')",
                    "in literal false (expecting 'e')",
                ],
            ),
            (
                "null",
                [
                    "",
                    "in literal null (expecting 'u')",
                    "in literal null (expecting 'l')",
                    "in literal null (expecting 'l')",
                    "",
                ],
            ),
        ];
        let places = PLACES.iter().find(|(word, _)| *word == literal).map_or([""; 5], |(_, places)| *places);
        for (expected, place) in literal.bytes().zip(places).skip(1) {
            let byte = self.next()?;
            if byte != expected {
                return Err(Trouble::Byte(byte, place));
            }
        }
        Ok(())
    }

    fn number(&mut self, first: u8) -> Result<(), Trouble> {
        let mut leading = first;
        if first == b'-' {
            leading = self.next()?;
            if !leading.is_ascii_digit() {
                return Err(Trouble::Byte(leading, "in numeric literal"));
            }
        }
        if leading != b'0' {
            self.digits();
        }
        if self.take(b".") {
            self.digit("after decimal point in numeric literal")?;
            self.digits();
        }
        if self.take(b"eE") {
            self.take(b"+-");
            self.digit("in exponent of numeric literal")?;
            self.digits();
        }
        Ok(())
    }

    fn digit(&mut self, place: &'static str) -> Result<(), Trouble> {
        match self.next()? {
            b'0'..=b'9' => Ok(()),
            byte => Err(Trouble::Byte(byte, place)),
        }
    }

    fn digits(&mut self) {
        while self.take(b"0123456789") {}
    }

    fn take(&mut self, one_of: &[u8]) -> bool {
        let taken = self.text.get(self.at).is_some_and(|byte| one_of.contains(byte));
        self.at += usize::from(taken);
        taken
    }

    fn visible(&mut self) -> Result<u8, Trouble> {
        loop {
            match self.next()? {
                b' ' | b'\t' | b'\r' | b'\n' => {}
                byte => return Ok(byte),
            }
        }
    }

    fn next(&mut self) -> Result<u8, Trouble> {
        let byte = self.text.get(self.at).copied().ok_or(Trouble::End)?;
        self.at += 1;
        Ok(byte)
    }
}

/// A byte in single quotes, as Go shows it.
fn quote(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        _ => {
            let quoted = crate::cause::quote(&char::from(byte).to_string());
            format!("'{}'", quoted.trim_matches('"'))
        }
    }
}
