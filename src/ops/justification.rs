//! The name, the reason and the evidence that an operator gives. They are kept for good, so they must say something, and nothing about
//! the payer's person. They are refused rather than redacted, since half an evidence is none.

use super::OpsError;
use super::error::Unacceptable;
use crate::provider::hide_in_text;
use crate::store::pauses::Attribution;

/// The longest words, in characters; the tables' constraints say the same.
pub(super) const WHO: (&str, usize) = ("--by", 100);
pub(super) const REASON: (&str, usize) = ("--reason", 1000);
pub(super) const EVIDENCE: (&str, usize) = ("--evidence", 4000);

/// Who does something, and why, as it may be kept.
pub(super) fn checked(attribution: Attribution<'_>) -> Result<Attribution<'_>, OpsError> {
    let attribution = Attribution {
        who: attribution.who.trim(),
        reason: attribution.reason.trim(),
    };
    acceptable(WHO, attribution.who).map_err(OpsError::Words)?;
    acceptable(REASON, attribution.reason).map_err(OpsError::Words)?;
    Ok(attribution)
}

/// Words given with an option, with no space around them.
pub(super) fn acceptable(
    (option, limit): (&'static str, usize),
    text: &str,
) -> Result<(), Unacceptable> {
    if text.is_empty() {
        return Err(Unacceptable::Empty { option });
    }
    if text.chars().count() > limit {
        return Err(Unacceptable::Long { option, limit });
    }
    if hide_in_text(text).is_some() {
        return Err(Unacceptable::Personal { option });
    }
    Ok(())
}
