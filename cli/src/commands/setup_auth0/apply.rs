//! Applies a plan step by step.
//!
//! Somebody else may change the tenant at the same time. An object that exists already, or that is
//! deleted already, counts as applied if it is as planned.

use crate::{
    error::{Error, Result},
    output::{escape::escape, print_note},
};

use super::{
    management::{ManagementApi, Outcome},
    plan::{Action, Step},
    report::{Report, past_tense, progressive},
};

/// Applies the steps in order, all of them even if the output cannot be written. `replan` reads the
/// tenant again and returns the new plan.
pub(super) fn apply(
    management: &ManagementApi,
    steps: &[Step],
    report: Report,
    replan: impl Fn() -> Result<Vec<Step>>,
) -> Result {
    let mut applied: Vec<&Step> = Vec::new();
    // A closed output must not stop the plan halfway.
    let mut printed = Ok(());
    for step in steps {
        let Some(request) = &step.request else {
            continue;
        };
        print_note(&format!("{} …", progressive(step)));
        let result = management.send(request).and_then(|outcome| match outcome {
            Outcome::Done => Ok(()),
            Outcome::NotFound(_) if step.action == Action::Delete => Ok(()),
            Outcome::Conflict(message) if step.action == Action::Create => {
                check_existing(step, &message, &replan()?)
            }
            Outcome::NotFound(message) | Outcome::Conflict(message) => Err(message.into()),
        });
        if let Err(error) = result {
            return Err(incomplete(step, &applied, &error));
        }
        applied.push(step);
        printed = printed.and_then(|()| report.print_applied(step));
    }
    printed
}

/// Returns no error if somebody else has just created the object, as planned.
fn check_existing(step: &Step, message: &str, current_plan: &[Step]) -> Result {
    let is_as_planned = current_plan.iter().any(|current| {
        current.resource == step.resource
            && current.name == step.name
            && current.action == Action::Unchanged
    });
    if is_as_planned {
        return Ok(());
    }
    Err(format!("{message}: it was created at the same time, with other settings").into())
}

/// The error for a plan that was applied in part.
fn incomplete(failed: &Step, applied: &[&Step], error: &Error) -> Error {
    let progress = if applied.is_empty() {
        "no earlier step was applied".to_owned()
    } else {
        let steps: Vec<String> = applied
            .iter()
            .map(|step| escape(&past_tense(step)))
            .collect();
        format!("already applied: {}", steps.join(", "))
    };
    Error::Failed(format!(
        "{} failed: {error}\n{progress}; it is safe to run the command again: it continues from there",
        escape(&progressive(failed))
    ))
}
