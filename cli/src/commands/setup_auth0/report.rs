//! The output of `setup-auth0`: the plan, and each step that was applied.
//!
//! A secret is never part of a [`FieldChange`], so that no output can contain one.

use anstyle::Style;
use serde::Serialize;
use serde_json::Value;

use crate::{
    error::Result,
    options::output::OutputOptions,
    output::{self, DIM, GREEN, RED, YELLOW, escape::escape},
};

use super::plan::{Action, FieldChange, Resource, Step};

#[derive(Clone, Copy)]
pub(super) struct Report {
    pub(super) output: OutputOptions,
}

/// A line of JSON output: a step of the plan.
#[derive(Serialize)]
struct PlanLine<'a> {
    phase: &'static str,
    #[serde(flatten)]
    step: &'a Step,
}

/// A line of JSON output: a step that was applied.
#[derive(Serialize)]
struct AppliedLine<'a> {
    phase: &'static str,
    action: Action,
    resource: Resource,
    name: &'a str,
}

impl Report {
    pub(super) fn print_plan(self, steps: &[Step]) -> Result {
        if self.output.is_json() {
            return steps.iter().try_for_each(|step| {
                let phase = "plan";
                output::print_json(&PlanLine { phase, step })
            });
        }
        for step in steps {
            output::print_line(&heading(step))?;
            for change in &step.changes {
                output::print_line(&format_change(step.action, change))?;
            }
            for note in &step.notes {
                let note = escape(note);
                output::print_line(&format!("    {} {note}", output::styled(YELLOW, "!")))?;
            }
        }
        output::print_line(&summary(steps))
    }

    pub(super) fn print_applied(self, step: &Step) -> Result {
        if self.output.is_json() {
            return output::print_json(&AppliedLine {
                phase: "applied",
                action: step.action,
                resource: step.resource,
                name: &step.name,
            });
        }
        let mark = output::styled(GREEN, "✓");
        output::print_line(&format!("{mark} {}", escape(&past_tense(step))))
    }
}

fn heading(step: &Step) -> String {
    let (symbol, style) = style_of(step.action);
    let text = format!(
        "{symbol} {:9}  {:12}",
        action_name(step.action),
        resource_name(step.resource)
    );
    format!("{}  {}", output::styled(style, &text), escape(&step.name))
}

fn style_of(action: Action) -> (&'static str, Style) {
    match action {
        Action::Create => ("+", GREEN),
        Action::Change => ("~", YELLOW),
        Action::Delete => ("-", RED),
        Action::Unchanged => ("=", DIM),
    }
}

fn action_name(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Change => "change",
        Action::Delete => "delete",
        Action::Unchanged => "unchanged",
    }
}

fn resource_name(resource: Resource) -> &'static str {
    match resource {
        Resource::Api => "API",
        Resource::ClientGrant => "client grant",
        Resource::LogStream => "log stream",
    }
}

fn format_change(action: Action, change: &FieldChange) -> String {
    let value = match (&change.from, &change.to) {
        (Some(from), Some(to)) => format!("{} → {}", text_of(from), text_of(to)),
        (None, Some(to)) => text_of(to),
        _ if action == Action::Create => "(hidden)".to_owned(),
        _ => "(hidden) → (hidden)".to_owned(),
    };
    format!("    {:40}  {value}", change.field)
}

/// Returns a value for reading, with hidden characters escaped.
fn text_of(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => escape(text),
        Value::Array(values) if values.is_empty() => "none".to_owned(),
        Value::Array(values) => values.iter().map(text_of).collect::<Vec<_>>().join(", "),
        Value::Object(_) | Value::Bool(_) | Value::Number(_) => escape(&value.to_string()),
    }
}

/// Describes an applied step: `created the API https://…`.
pub(super) fn past_tense(step: &Step) -> String {
    let verb = match step.action {
        Action::Create => "created",
        Action::Change => "changed",
        Action::Delete => "deleted",
        Action::Unchanged => "left unchanged",
    };
    format!("{verb} the {} {}", resource_name(step.resource), step.name)
}

/// Describes a step that is being applied: `creating the API https://…`.
pub(super) fn progressive(step: &Step) -> String {
    let verb = match step.action {
        Action::Create => "creating",
        Action::Change => "changing",
        Action::Delete => "deleting",
        Action::Unchanged => "leaving",
    };
    format!("{verb} the {} {}", resource_name(step.resource), step.name)
}

fn summary(steps: &[Step]) -> String {
    let count = |action| steps.iter().filter(|step| step.action == action).count();
    let counts = [
        (count(Action::Create), "to create"),
        (count(Action::Change), "to change"),
        (count(Action::Delete), "to delete"),
        (count(Action::Unchanged), "unchanged"),
    ];
    let parts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    if parts.is_empty() {
        return "nothing to do".to_owned();
    }
    parts.join(", ")
}
