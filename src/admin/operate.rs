//! `executions retry` and `executions skip`.

use std::io::{self, Write};

use serde::Serialize;
use sqlx::PgConnection;

use super::AdminError;
use super::output::write_json;
use super::text::{Format, utc};
use super::words::checked;
use crate::store::operate::{Granted, Operated, Wished, operate};
use crate::wording;

/// An execution for which a wish was granted.
#[derive(Debug, Serialize)]
pub struct Done {
    execution_id: i64,
    #[serde(flatten)]
    granted: Granted,
}

/// Has an execution tried sooner, once more, or left out; or says why not.
pub async fn wish(conn: &mut PgConnection, wished: Wished<'_>) -> Result<Done, AdminError> {
    let wished = Wished {
        said: checked(wished.said)?,
        ..wished
    };
    let id = wished.id;
    match operate(conn, wished).await? {
        Operated::Done(granted) => Ok(Done {
            execution_id: id.0,
            granted,
        }),
        Operated::Held => Err(AdminError::Held(id)),
        Operated::Declined(declined) => Err(AdminError::Declined {
            execution: id,
            wish: wished.wish,
            why: wording::declined(&declined),
        }),
        Operated::NoExecution => Err(AdminError::NoExecution(id)),
    }
}

impl Done {
    /// Prints it.
    pub fn write(&self, out: &mut dyn Write, format: Format) -> io::Result<()> {
        if format == Format::Json {
            return write_json(out, self);
        }
        let Granted {
            mandate_ref,
            cycle_on,
            order_id,
            from,
            to,
            next_step,
            next_at,
        } = &self.granted;
        let id = self.execution_id;
        let became = if from == to {
            format!("still {to}")
        } else {
            format!("{from} became {to}")
        };
        writeln!(
            out,
            "execution {id}, cycle {cycle_on} of {mandate_ref}: {became}"
        )?;
        match next_step {
            Some(step) => writeln!(out, "next: {step} of order {order_id} at {}", utc(*next_at)),
            None => Ok(()),
        }
    }
}
