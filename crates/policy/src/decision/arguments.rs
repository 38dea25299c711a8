//! A tool's arguments as Cedar types and values.
//!
//! Invariant: a policy sees exactly what the tool gets. A part of a schema that Cedar cannot express is left out of the
//! type; policies have `context.args_json` and `context.arg_names` for it. A *value* that does not fit an expressed
//! type is never left out: the call is denied, because a rule about it could not be checked.
//!
//! | JSON Schema | Cedar |
//! |---|---|
//! | `string`, `boolean` | `String`, `Bool` |
//! | `integer` | `Long` |
//! | `number` | `{floor: Long, ceiling: Long}`: `x <= 5` is `ceiling <= 5`, `x >= 5` is `floor >= 5` |
//! | `array` of one of these | `Set` |
//! | `object` with `properties` | record, optional where not required |
//! | one of these or `null` | the same, absent when null |

use std::collections::BTreeMap;

use cedar_policy::RestrictedExpression;
use serde_json::{Map, Number, Value, json};

const DEPTH_MAX: usize = 6;

/// The Cedar type of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ArgumentType {
    Text,
    Bool,
    Long,
    Number,
    Set(Box<ArgumentType>),
    Record(BTreeMap<String, Field>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    kind: ArgumentType,
    required: bool,
}

/// A value does not fit its Cedar type, such as a whole number beyond 64 bits.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unfit;

/// Returns the type of all arguments; `None` when no argument can be expressed.
pub(super) fn type_of_arguments(definition: &Value) -> Option<ArgumentType> {
    type_of(definition.get("inputSchema")?, 0).map(|(kind, _)| kind)
}

/// Returns the type of a schema, and whether it accepts null.
fn type_of(schema: &Value, depth: usize) -> Option<(ArgumentType, bool)> {
    if depth > DEPTH_MAX {
        return None;
    }
    let (name, nullable) = type_name(schema.get("type")?)?;
    let kind = match name {
        "string" => ArgumentType::Text,
        "boolean" => ArgumentType::Bool,
        "integer" => ArgumentType::Long,
        "number" => ArgumentType::Number,
        "array" => match type_of(schema.get("items")?, depth.saturating_add(1))? {
            (items, false) => ArgumentType::Set(Box::new(items)),
            (_, true) => return None,
        },
        "object" => ArgumentType::Record(fields(schema, depth.saturating_add(1))?),
        _ => return None,
    };
    Some((kind, nullable))
}

fn type_name(value: &Value) -> Option<(&str, bool)> {
    let Some(names) = value.as_array() else { return Some((value.as_str()?, false)) };
    let mut others = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
    match (others.next(), others.next()) {
        (Some(one), None) => Some((one, names.iter().any(|name| name == "null"))),
        _ => None,
    }
}

fn fields(schema: &Value, depth: usize) -> Option<BTreeMap<String, Field>> {
    let properties = schema.get("properties").and_then(Value::as_object)?;
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|required| required == name));
    let field = |(name, property): (&String, &Value)| {
        let (kind, nullable) = type_of(property, depth)?;
        Some((name.clone(), Field { kind, required: is_required(name) && !nullable }))
    };
    Some(properties.iter().filter_map(field).collect())
}

impl ArgumentType {
    /// The type in Cedar's JSON schema format.
    pub(super) fn cedar_type(&self) -> Value {
        match self {
            Self::Text => json!({ "type": "String" }),
            Self::Bool => json!({ "type": "Boolean" }),
            Self::Long => json!({ "type": "Long" }),
            Self::Number => {
                let long = json!({ "type": "Long" });
                json!({ "type": "Record", "attributes": { "floor": long, "ceiling": long } })
            }
            Self::Set(items) => json!({ "type": "Set", "element": items.cedar_type() }),
            Self::Record(fields) => {
                let attribute = |(name, field): (&String, &Field)| {
                    let mut json = field.kind.cedar_type();
                    if let (Some(members), false) = (json.as_object_mut(), field.required) {
                        members.insert("required".to_owned(), Value::Bool(false));
                    }
                    (name.clone(), json)
                };
                let attributes: Map<String, Value> = fields.iter().map(attribute).collect();
                json!({ "type": "Record", "attributes": attributes })
            }
        }
    }

    /// Converts a value to an expression of this type.
    pub(super) fn express(&self, value: &Value) -> Result<RestrictedExpression, Unfit> {
        match (self, value) {
            (Self::Text, Value::String(text)) => Ok(RestrictedExpression::new_string(text.clone())),
            (Self::Bool, Value::Bool(flag)) => Ok(RestrictedExpression::new_bool(*flag)),
            (Self::Long, Value::Number(number)) => number.as_i64().map(RestrictedExpression::new_long).ok_or(Unfit),
            (Self::Number, Value::Number(number)) => bounds(number),
            (Self::Set(items), Value::Array(values)) => {
                let items: Result<Vec<_>, _> = values.iter().map(|value| items.express(value)).collect();
                Ok(RestrictedExpression::new_set(items?))
            }
            (Self::Record(fields), Value::Object(members)) => record(fields, members),
            _ => Err(Unfit),
        }
    }
}

fn record(fields: &BTreeMap<String, Field>, members: &Map<String, Value>) -> Result<RestrictedExpression, Unfit> {
    let mut pairs = Vec::with_capacity(fields.len());
    for (name, field) in fields {
        match members.get(name) {
            None | Some(Value::Null) if field.required => return Err(Unfit),
            None | Some(Value::Null) => {}
            Some(value) => pairs.push((name.clone(), field.kind.express(value)?)),
        }
    }
    RestrictedExpression::new_record(pairs).map_err(|_| Unfit)
}

fn bounds(number: &Number) -> Result<RestrictedExpression, Unfit> {
    let (floor, ceiling) = floor_and_ceiling(&number.to_string()).ok_or(Unfit)?;
    let pair = |name: &str, value| (name.to_owned(), RestrictedExpression::new_long(value));
    RestrictedExpression::new_record([pair("floor", floor), pair("ceiling", ceiling)]).map_err(|_| Unfit)
}

/// Returns the whole numbers around a decimal, from its text: no float takes part in a decision. Saturates at 64 bits.
fn floor_and_ceiling(text: &str) -> Option<(i64, i64)> {
    let (text, negative) = text.strip_prefix('-').map_or((text, false), |rest| (rest, true));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i64 = exponent.parse().ok()?;
    let digits = format!("{whole}{fraction}");
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let nonzero = digits.bytes().any(|digit| digit != b'0');
    // A whole part of more than 40 digits is beyond 64 bits, unless all of them are zeros.
    let point = usize::try_from(point.max(0)).ok()?;
    let whole: i128 = match (point > 40, nonzero) {
        (true, true) => i128::MAX / 2,
        (_, false) => 0,
        (false, true) => {
            let padded = format!("{digits:0<point$}");
            let whole = padded.get(..point)?;
            if whole.is_empty() { 0 } else { whole.parse().ok()? }
        }
    };
    let rest = nonzero && point < digits.len() && digits.bytes().skip(point).any(|digit| digit != b'0');
    let (mut floor, mut ceiling) = if negative { (-whole, -whole) } else { (whole, whole) };
    if rest {
        if negative { floor -= 1 } else { ceiling += 1 }
    }
    let clamp = |value: i128| i64::try_from(value).unwrap_or(if negative { i64::MIN } else { i64::MAX });
    Some((clamp(floor), clamp(ceiling)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_bounded_by_whole_numbers() {
        let cases = [
            ("0", (0, 0)),
            ("-0.0", (0, 0)),
            ("1.5", (1, 2)),
            ("-1.5", (-2, -1)),
            ("5", (5, 5)),
            ("5.0", (5, 5)),
            ("1e3", (1000, 1000)),
            ("1.2345e2", (123, 124)),
            ("1.5e-7", (0, 1)),
            ("-1.5e-7", (-1, 0)),
            ("1e300", (i64::MAX, i64::MAX)),
            ("-1e300", (i64::MIN, i64::MIN)),
            ("0e99", (0, 0)),
            ("9223372036854775807.5", (i64::MAX, i64::MAX)),
            ("18446744073709551615", (i64::MAX, i64::MAX)),
        ];
        for (text, expected) in cases {
            assert_eq!(floor_and_ceiling(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_number_beyond_64_bits_does_not_fit() {
        let kind =
            type_of_arguments(&json!({"inputSchema": {"type": "object", "properties": {"n": {"type": "integer"}}}}));
        let kind = kind.unwrap();
        assert!(kind.express(&json!({ "n": 5 })).is_ok());
        assert!(kind.express(&json!({ "n": u64::MAX })).is_err());
        assert!(kind.express(&json!({ "n": "5" })).is_err());
    }
}
