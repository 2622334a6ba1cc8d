//! Rows as one array for each column, which Postgres reads in a fifth of the time that JSON takes it: see ARCHITECTURE.md.

use std::borrow::Cow;

/// A text as it can be sent.
type Text<'a> = Cow<'a, str>;

/// The rows of a batch.
pub(super) struct Columns<'a, T>(pub(super) &'a [T]);

impl<'a, T> Columns<'a, T> {
    /// The values of one column, in the order of the rows.
    pub(super) fn of<V>(&self, value: impl Fn(&'a T) -> V) -> Vec<V> {
        self.0.iter().map(value).collect()
    }

    /// The same for a column that may hold nothing.
    pub(super) fn values<V, W: Into<Option<V>>>(
        &self,
        value: impl Fn(&'a T) -> W,
    ) -> Vec<Option<V>> {
        self.of(|row| value(row).into())
    }

    /// The same for texts that may hold providers' words, without the one character that Postgres cannot store: a single one with
    /// it would keep the whole batch from being written.
    pub(super) fn texts<W: Into<Option<&'a str>>>(
        &self,
        value: impl Fn(&'a T) -> W,
    ) -> Vec<Option<Text<'a>>> {
        self.of(|row| value(row).into().map(storable))
    }
}

fn storable(text: &str) -> Text<'_> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A smallint. One that is none is refused by the table's CHECK, which asks for less.
pub(super) fn small(number: u16) -> i16 {
    i16::try_from(number).unwrap_or(i16::MIN)
}

/// The values of a column of an SQL type: the type that is declared is the one that is sent.
macro_rules! column {
    ($rows:expr, bigint, $value:expr) => {
        $rows.values::<i64, _>($value)
    };
    ($rows:expr, integer, $value:expr) => {
        $rows.values::<i32, _>($value)
    };
    ($rows:expr, smallint, $value:expr) => {
        $rows.values::<i16, _>($value)
    };
    ($rows:expr, boolean, $value:expr) => {
        $rows.values::<bool, _>($value)
    };
    ($rows:expr, date, $value:expr) => {
        $rows.values::<chrono::NaiveDate, _>($value)
    };
    ($rows:expr, timestamptz, $value:expr) => {
        $rows.values::<$crate::domain::Timestamp, _>($value)
    };
    ($rows:expr, text, $value:expr) => {
        $rows.texts($value)
    };
}
pub(super) use column;

/// Declares the columns that rows are sent as, each with its name, its SQL type and its value. The order in which they are bound, the
/// list of arrays and the list of names in the statement follow from it.
macro_rules! columns {
    ($(#[$meta:meta])* $table:ident: $one:ident in $row:ty { $($name:ident $type:ident = $value:expr,)+ }) => {
        $(#[$meta])*
        enum $table {}

        impl $table {
            const COLUMNS: &'static [(&'static str, &'static str)] =
                &[$((stringify!($name), stringify!($type))),+];

            /// Adds an array for each column.
            fn add(rows: &[$row], arguments: &mut PgArguments) -> Result<(), BoxDynError> {
                let rows = Columns(rows);
                $(arguments.add(column!(rows, $type, |$one| $value))?;)+
                Ok(())
            }
        }
    };
}
pub(super) use columns;

/// The arrays of declared columns, for `unnest`: parameters, the first with this number.
pub(super) fn arrays(columns: &[(&str, &str)], first: usize) -> String {
    let arrays: Vec<String> = columns
        .iter()
        .zip(first..)
        .map(|((_, sql_type), number)| format!("${number}::{sql_type}[]"))
        .collect();
    arrays.join(", ")
}

/// The names of declared columns.
pub(super) fn names(columns: &[(&str, &str)]) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use sqlx::{Postgres, Type, TypeInfo};

    use super::*;

    /// What a parameter is sent as.
    fn sent_as<T: Type<Postgres>>(_parameter: &T) -> String {
        T::type_info().name().to_owned()
    }

    #[test]
    fn every_declared_type_is_sent_as_itself() {
        let rows = Columns(&[()]);
        assert_eq!(sent_as(&column!(rows, bigint, |()| 1)), "INT8[]");
        assert_eq!(sent_as(&column!(rows, integer, |()| 1)), "INT4[]");
        assert_eq!(sent_as(&column!(rows, smallint, |()| 1)), "INT2[]");
        assert_eq!(sent_as(&column!(rows, boolean, |()| true)), "BOOL[]");
        assert_eq!(sent_as(&column!(rows, text, |()| "")), "TEXT[]");
        let dates = column!(rows, date, |()| None);
        assert_eq!(sent_as(&dates), "DATE[]");
        let times = column!(rows, timestamptz, |()| None);
        assert_eq!(sent_as(&times), "TIMESTAMPTZ[]");
    }

    #[test]
    fn the_lists_are_in_the_order_of_the_declaration() {
        let columns = [("id", "bigint"), ("reason", "text")];
        assert_eq!(arrays(&columns, 6), "$6::bigint[], $7::text[]");
        assert_eq!(names(&columns), "id, reason");
    }
}
