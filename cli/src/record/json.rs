//! Records as JSON lines: what `consume -o json` writes, `produce --json` reads.

use serde::Serialize;
use serde_json::{Map, Value};
use thalweg_model::batch::{Header, Record};

use super::{Draft, Place, base64};

/// A record as it is written; bytes that are no UTF-8 go to the fields ending in `_base64`.
#[derive(Debug, Serialize)]
pub(crate) struct JsonRecord<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    timestamp: i64,
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_base64: Option<String>,
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
    headers: Vec<JsonHeader<'a>>,
}

#[derive(Debug, Serialize)]
struct JsonHeader<'a> {
    name: String,
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
}

impl<'a> JsonRecord<'a> {
    /// The record and where it stands.
    pub(crate) fn of(place: Place<'a>, record: &Record<'a>) -> Self {
        let (key, key_base64) = text_or_base64(record.key);
        let (value, value_base64) = text_or_base64(record.value);
        Self {
            topic: place.topic,
            partition: place.partition,
            offset: record.offset.value(),
            timestamp: record.timestamp.0,
            key,
            key_base64,
            value,
            value_base64,
            headers: record.headers.map(header).collect(),
        }
    }
}

fn header(header: Header<'_>) -> JsonHeader<'_> {
    let (value, value_base64) = text_or_base64(header.value);
    JsonHeader {
        name: String::from_utf8_lossy(header.key).into_owned(),
        value,
        value_base64,
    }
}

fn text_or_base64(bytes: Option<&[u8]>) -> (Option<&str>, Option<String>) {
    match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => (None, None),
        Some((_, Ok(text))) => (Some(text), None),
        Some((bytes, Err(_))) => (None, Some(base64::encode(bytes))),
    }
}

/// Why a line is no record.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JsonError {
    /// It is no JSON object.
    #[error("it is no JSON object: {0}")]
    NoObject(String),
    /// A field has another form than expected.
    #[error("the field '{0}' is not {1}")]
    Field(&'static str, &'static str),
}

/// Reads a record. `topic`, `partition` and `offset` say where it was, not where it goes, and are left aside; a value that
/// is no string is taken as its JSON text.
pub(crate) fn parse_json(line: &[u8]) -> Result<Draft, JsonError> {
    let value: Value =
        serde_json::from_slice(line).map_err(|wrong| JsonError::NoObject(wrong.to_string()))?;
    let Value::Object(object) = value else {
        return Err(JsonError::NoObject("it is another value".to_owned()));
    };
    let timestamp = match object.get("timestamp") {
        None | Some(Value::Null) => None,
        Some(value) => Some(
            value
                .as_i64()
                .ok_or(JsonError::Field("timestamp", "a number of milliseconds"))?,
        ),
    };
    Ok(Draft {
        key: bytes_of(&object, "key", "key_base64")?,
        value: bytes_of(&object, "value", "value_base64")?,
        headers: headers_of(object.get("headers"))?,
        timestamp,
    })
}

fn bytes_of(
    object: &Map<String, Value>,
    text: &'static str,
    coded: &'static str,
) -> Result<Option<Vec<u8>>, JsonError> {
    match object.get(coded) {
        None | Some(Value::Null) => Ok(object.get(text).and_then(plain_bytes)),
        Some(value) => {
            let bytes = value.as_str().and_then(base64::decode);
            bytes.map(Some).ok_or(JsonError::Field(coded, "base64"))
        }
    }
}

fn plain_bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Some(value.to_string().into_bytes())
        }
    }
}

type Headers = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Either a list of objects with `name` and `value`, in which names may repeat, or one object.
fn headers_of(value: Option<&Value>) -> Result<Headers, JsonError> {
    const EXPECTED: JsonError = JsonError::Field("headers", "a list of names and values");
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(object)) => {
            let pair =
                |(name, value): (&String, &Value)| (name.clone().into_bytes(), plain_bytes(value));
            Ok(object.iter().map(pair).collect())
        }
        Some(Value::Array(list)) => list
            .iter()
            .map(|item| {
                let object = item.as_object().ok_or(EXPECTED)?;
                let name = object.get("name").and_then(Value::as_str).ok_or(EXPECTED)?;
                let value = bytes_of(object, "value", "value_base64")?;
                Ok((name.as_bytes().to_vec(), value))
            })
            .collect(),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) => Err(EXPECTED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use thalweg_model::Timestamp;
    use thalweg_model::batch::{BatchBuilder, BatchOptions, NewRecord, Unpacked};

    fn written(draft: &Draft) -> String {
        let headers: Vec<(&[u8], Option<&[u8]>)> = draft
            .headers
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_deref()))
            .collect();
        let mut builder = BatchBuilder::new(BatchOptions::default());
        builder.push(&NewRecord {
            timestamp: Timestamp(draft.timestamp.unwrap()),
            key: draft.key.as_deref(),
            value: draft.value.as_deref(),
            headers: &headers,
        });
        let batch = Unpacked::of_checked(&builder.finish().unwrap()).unwrap();
        let record = batch.records().next().unwrap().unwrap();
        let place = Place {
            topic: "t",
            partition: 3,
        };
        serde_json::to_string(&JsonRecord::of(place, &record)).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let draft = Draft {
            key: Some(b"\xff\x00".to_vec()),
            value: Some("ä\n".into()),
            headers: vec![
                (b"a".to_vec(), Some(b"1".to_vec())),
                (b"a".to_vec(), None),
                (b"b".to_vec(), Some(vec![0xfe])),
            ],
            timestamp: Some(77),
        };
        let line = written(&draft);
        assert_eq!(
            line,
            r#"{"topic":"t","partition":3,"offset":0,"timestamp":77,"key":null,"key_base64":"/wA=","value":"ä\n","headers":[{"name":"a","value":"1"},{"name":"a","value":null},{"name":"b","value":null,"value_base64":"/g=="}]}"#
        );
        assert_eq!(parse_json(line.as_bytes()), Ok(draft));
        let tombstone = Draft {
            timestamp: Some(0),
            ..Draft::default()
        };
        assert_eq!(parse_json(written(&tombstone).as_bytes()), Ok(tombstone));
    }

    #[test]
    fn other_values_and_headers_as_one_object_are_taken() {
        let draft =
            parse_json(br#"{"key": 7, "value": {"a": [1]}, "headers": {"h": "x"}}"#).unwrap();
        assert_eq!(draft.key.as_deref(), Some(&b"7"[..]));
        assert_eq!(draft.value.as_deref(), Some(&br#"{"a":[1]}"#[..]));
        assert_eq!(draft.headers, [(b"h".to_vec(), Some(b"x".to_vec()))]);
    }

    #[test]
    fn wrong_lines_are_explained() {
        let explained = |line: &str| parse_json(line.as_bytes()).unwrap_err();
        assert!(matches!(explained("x"), JsonError::NoObject(_)));
        assert!(matches!(explained("[1]"), JsonError::NoObject(_)));
        let field = |line| match explained(line) {
            JsonError::Field(field, _) => field,
            JsonError::NoObject(text) => panic!("{text}"),
        };
        assert_eq!(field(r#"{"value_base64": "!"}"#), "value_base64");
        assert_eq!(field(r#"{"timestamp": "now"}"#), "timestamp");
        assert_eq!(field(r#"{"headers": [1]}"#), "headers");
    }
}
