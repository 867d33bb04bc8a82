//! What members say, passed on: text with the member's index in front, JSON with it as a field.

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use tracing_indicatif::span_ext::IndicatifSpanExt;

use crate::watch::logs::{FAR_MARK, STAGE_MARK};
use crate::watch::say;

/// What members have said in an attempt.
#[derive(Default)]
pub struct Said {
    errors: HashSet<String>,
    /// The stage at work.
    stage: Option<tracing::span::EnteredSpan>,
}

impl Said {
    /// Passes on a line, from stderr if it is an `error`. What several say alike is passed on once.
    pub fn say(&mut self, process: usize, line: &str, error: bool) {
        if let Some(stage) = line.strip_prefix(STAGE_MARK) {
            self.stage = None;
            self.stage = Some(tracing::info_span!("stage", message = %stage).entered());
        } else if let Some(far) = line.strip_prefix(FAR_MARK) {
            self.stage.iter().for_each(|stage| stage.pb_set_message(far));
        } else if !error {
            // Results come when all stages are over.
            self.stage = None;
            println!("{line}");
        } else if say::is_json() {
            self.say_event(process, line);
        } else if self.errors.insert(line.to_string()) {
            // Above the line that shows how far the job is.
            tracing_indicatif::suspend_tracing_indicatif(|| eprintln!("[{process}] {line}"));
        }
    }

    /// What is no event (words of ssh or of a shell) becomes one.
    fn say_event(&mut self, process: usize, line: &str) {
        match serde_json::from_str(line) {
            Ok(Value::Object(event)) => {
                if said_by_segmill(&event).is_none_or(|fields| self.errors.insert(fields)) {
                    eprintln!("{}", labelled(process, event));
                }
            }
            _ => tracing::warn!(target: say::TARGET, process, "{line}"),
        }
    }
}

/// The event of a member's log with the member among its fields.
fn labelled(process: usize, mut event: Map<String, Value>) -> Value {
    let fields = event.entry("fields").or_insert_with(|| json!({}));
    if let Some(fields) = fields.as_object_mut() {
        fields.insert("process".into(), process.into());
    }
    event.into()
}

/// What segmill itself says to people: the same from every member, but for the time.
fn said_by_segmill(event: &Map<String, Value>) -> Option<String> {
    (event.get("target")? == say::TARGET).then(|| event.get("fields").map(Value::to_string))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_member_among_its_fields() {
        let event =
            json!({ "timestamp": "t", "level": "INFO", "fields": { "message": "done" }, "target": "segmill::x" });
        let labelled = labelled(3, event.as_object().unwrap().clone());
        assert_eq!(labelled["fields"], json!({ "message": "done", "process": 3 }));
        assert_eq!((&labelled["timestamp"], &labelled["target"]), (&json!("t"), &json!("segmill::x")));
    }

    #[test]
    fn only_what_segmill_says_to_people_is_said_once() {
        let event = |target: &str, time: u32| {
            let event = json!({ "timestamp": time, "target": target, "fields": { "message": "x" } });
            said_by_segmill(event.as_object().unwrap())
        };
        assert!(event("segmill", 1).is_some() && event("segmill", 1) == event("segmill", 2));
        assert_eq!(event("segmill::runs", 1), None);
    }
}
