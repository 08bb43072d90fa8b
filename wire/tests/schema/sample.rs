//! Random messages as bytes, straight from the schema.

use super::Line;

/// A generator that gives the same numbers for the same seed (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("a small number");
        usize::try_from(self.next() % end).expect("a small number")
    }
}

/// Writes one random message.
#[derive(Debug)]
pub(crate) struct Sampler<'m> {
    message: &'m Line,
    version: i16,
    flexible: bool,
    /// Adds a tagged field that no schema knows to every struct.
    unknown_tags: bool,
    numbers: Numbers,
}

impl<'m> Sampler<'m> {
    /// The body of a message; with `unknown_tags` the same one with more in it.
    pub(crate) fn body(message: &'m Line, version: i16, seed: u64, unknown_tags: bool) -> Vec<u8> {
        let mut sampler = Self {
            message,
            version,
            flexible: message.range("flexible").has(version),
            unknown_tags,
            numbers: Numbers(seed),
        };
        sampler.fields(&message.below, 0)
    }

    fn fields(&mut self, fields: &'m [Line], depth: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut tagged = Vec::new();
        for field in fields.iter().filter(|field| !field.is_struct()) {
            if !field.versions().has(self.version) {
                continue;
            }
            let value = self.field(field, depth);
            match field.tag() {
                None => out.extend(value),
                Some(tag) if value != self.default(field) => tagged.push((tag, value)),
                Some(_) => {}
            }
        }
        self.tags(&mut out, tagged);
        out
    }

    fn tags(&self, out: &mut Vec<u8>, mut tagged: Vec<(u32, Vec<u8>)>) {
        if !self.flexible {
            return;
        }
        tagged.sort();
        if self.unknown_tags {
            tagged.push((10_000, b"later".to_vec()));
        }
        varint(out, tagged.len());
        for (tag, value) in tagged {
            varint(out, usize::try_from(tag).expect("a small tag"));
            varint(out, value.len());
            out.extend(value);
        }
    }

    fn field(&mut self, field: &'m Line, depth: usize) -> Vec<u8> {
        let can_be_null = field.range("null").has(self.version);
        if can_be_null && self.numbers.below(3) == 0 {
            return self.null(field);
        }
        let mut out = Vec::new();
        if can_be_null && self.struct_fields(field, field.ty()).is_some() {
            out.push(1);
        }
        out.extend(self.value(field, field.ty(), depth));
        out
    }

    fn null(&self, field: &Line) -> Vec<u8> {
        match field.ty() {
            ty if self.struct_name(ty) && field.tag().is_some() => vec![0],
            ty if self.struct_name(ty) => vec![0xff],
            _ if self.flexible => vec![0],
            "string" => vec![0xff; 2],
            _ => vec![0xff; 4],
        }
    }

    fn struct_name(&self, ty: &str) -> bool {
        ty.starts_with(|first: char| first.is_ascii_uppercase())
    }

    /// The fields of a struct: below the field that declares it, or of the message.
    fn struct_fields(&self, field: &'m Line, ty: &str) -> Option<&'m [Line]> {
        if !self.struct_name(ty) {
            return None;
        }
        let shared = self.message.below.iter();
        let mut shared = shared.filter(|line| line.is_struct() && line.words[1] == ty);
        Some(match shared.next() {
            Some(shared) => &shared.below,
            None => &field.below,
        })
    }

    fn value(&mut self, field: &'m Line, ty: &'m str, depth: usize) -> Vec<u8> {
        if let Some(element) = ty.strip_prefix("[]") {
            let count = self.numbers.below(if depth > 1 { 3 } else { 4 });
            let mut out = self.length(4, count);
            for _ in 0..count {
                out.extend(self.value(field, element, depth));
            }
            return out;
        }
        if let Some(fields) = self.struct_fields(field, ty) {
            return self.fields(fields, depth + 1);
        }
        match ty {
            "string" => {
                let long = "long ".repeat(30);
                let text = ["", "a", "topic-1", "ü€😀", &long][self.numbers.below(5)];
                let mut out = self.length(2, text.len());
                out.extend(text.as_bytes());
                out
            }
            "bytes" | "records" => {
                let length = [0, 1, 5, 300][self.numbers.below(4)];
                let mut out = self.length(4, length);
                out.extend((0..length).map(|_| self.numbers.next().to_be_bytes()[0]));
                out
            }
            "bool" => vec![u8::from(self.numbers.below(2) == 1)],
            number => self.number(size_of_number(number)),
        }
    }

    fn number(&mut self, size: usize) -> Vec<u8> {
        let random = self.numbers.next().to_be_bytes();
        match self.numbers.below(4) {
            0 => vec![0; size],
            1 => vec![0xff; size],
            _ => random.repeat(2)[..size].to_vec(),
        }
    }

    /// A length or count, in `wide` bytes unless it is compact.
    fn length(&self, wide: usize, length: usize) -> Vec<u8> {
        let mut out = Vec::new();
        if self.flexible {
            varint(&mut out, length + 1);
        } else {
            out.extend(&length.to_be_bytes()[8 - wide..]);
        }
        out
    }

    /// What a tagged field would hold if it were not left out.
    fn default(&self, field: &'m Line) -> Vec<u8> {
        let ty = field.ty();
        let stated = field.attribute("default");
        if stated == Some("null") {
            return self.null(field);
        }
        if ty.starts_with("[]") || matches!(ty, "string" | "bytes" | "records") {
            return self.length(4, 0);
        }
        if let Some(fields) = self.struct_fields(field, ty) {
            let can_be_null = field.range("null").has(self.version);
            let mut out = vec![1; usize::from(can_be_null)];
            for field in fields {
                if field.versions().has(self.version) && field.tag().is_none() {
                    out.extend(self.default(field));
                }
            }
            self.tags(&mut out, Vec::new());
            return out;
        }
        let number: i64 = match stated {
            None | Some("false") => 0,
            Some("true") => 1,
            Some(digits) => digits.parse().expect("a number"),
        };
        let sign = if number < 0 { 0xff } else { 0 };
        let mut bytes = vec![sign; 8];
        bytes.extend(number.to_be_bytes());
        bytes[16 - size_of_number(ty)..].to_vec()
    }
}

fn size_of_number(ty: &str) -> usize {
    match ty {
        "bool" | "int8" => 1,
        "int16" | "uint16" => 2,
        "int32" | "uint32" => 4,
        "int64" | "float64" => 8,
        "uuid" => 16,
        other => unreachable!("no type {other}"),
    }
}

fn varint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).expect("seven bits"));
}
