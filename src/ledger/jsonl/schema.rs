//! `--json-schema`.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema, json_schema};
use serde_json::{Value, json};

use super::wire::{
    Gate, JobEnd, JobLost, JobOutput, JobSlow, JobStart, Line, Progress, RunEnd, RunStart, VERSION,
};

/// The JSON Schema that every line satisfies, as readable JSON.
pub fn schema() -> String {
    let mut generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    let lines = [
        line::<RunStart>("run.start", &mut generator),
        line::<JobStart>("job.start", &mut generator),
        line::<JobOutput>("job.output", &mut generator),
        line::<JobSlow>("job.slow", &mut generator),
        line::<JobEnd>("attempt.end", &mut generator),
        line::<JobEnd>("job.end", &mut generator),
        line::<JobLost>("job.lost", &mut generator),
        line::<Gate>("gate", &mut generator),
        line::<Progress>("progress", &mut generator),
        line::<RunEnd>("run.end", &mut generator),
    ];
    let mut schema = json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of fanout --json",
        "description": "Consumers ignore unknown types and fields. The order of keys is fixed.",
        "oneOf": lines,
    });
    let definitions = generator.take_definitions(true);
    if !definitions.is_empty() {
        schema.insert("$defs".into(), Value::Object(definitions));
    }
    format!("{:#}\n", schema.to_value())
}

/// The schema of a line of type `kind` with a body like `B`.
fn line<B: JsonSchema>(kind: &str, generator: &mut SchemaGenerator) -> Schema {
    let mut schema = Line::<B>::json_schema(generator);
    schema.insert("title".into(), kind.into());
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for (name, only) in [("type", json!(kind)), ("v", json!(VERSION))] {
            if let Some(Value::Object(property)) = properties.get_mut(name) {
                property.insert("const".into(), only);
            }
        }
    }
    schema
}
