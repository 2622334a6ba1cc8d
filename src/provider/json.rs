//! Other people's JSON, read like any, but for a key that is there twice with two values: which of two statuses holds is not ours to
//! choose, so such a body is none, and proves nothing.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The value of a whole text; nothing where it is not JSON, or contradicts itself.
pub(super) fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text)
        .ok()
        .map(|Consistent(value)| value)
}

/// Whether it is JSON, and has two values for one key.
pub(super) fn contradicts_itself(text: &str) -> bool {
    parse(text).is_none() && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

struct Consistent(Value);

impl<'de> Deserialize<'de> for Consistent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConsistentVisitor).map(Self)
    }
}

struct ConsistentVisitor;

impl<'de> Visitor<'de> for ConsistentVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Consistent(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, Consistent(value))) = entries.next_entry::<String, Consistent>()? {
            if map.get(&key).is_some_and(|before| *before != value) {
                return Err(A::Error::custom("a key is there twice, with two values"));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_contradicts_itself_is_none() {
        let body = r#"{"status":"CHARGED","amount":1.50,"n":-2,"list":[{"a":null,"b":true}],"status":"CHARGED"}"#;
        assert_eq!(parse(body), serde_json::from_str(body).ok());
        assert_eq!(parse(r#"{"status":"PENDING","status":"CHARGED"}"#), None);
        assert!(contradicts_itself(
            r#"{"status":"PENDING","status":"CHARGED"}"#
        ));
        for other in [body, "{\"status\":", "<html>", "[1]"] {
            assert!(!contradicts_itself(other), "{other}");
        }
        assert_eq!(
            parse(r#"{"result":{"payment":{"status":1,"status":2}}}"#),
            None
        );
    }
}
