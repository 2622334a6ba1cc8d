//! The table of figures at the end.

use std::io::{self, Write};
use std::time::Duration;

use mandated::admin::output::Table;

/// Things done, and how long that took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) count: i64,
    pub(crate) took: Duration,
}

impl Run {
    fn rate(self) -> f64 {
        self.count as f64 / self.took.as_secs_f64()
    }
}

/// The fastest: other load on the machine only ever makes a run slower.
pub(crate) fn best(runs: &[Run]) -> f64 {
    runs.iter().map(|run| run.rate()).fold(0.0, f64::max)
}

/// One line of the table; rates a second.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) what: &'static str,
    pub(crate) ours: f64,
    pub(crate) floor: Option<f64>,
    /// DESIGN.md §13.
    pub(crate) goal: &'static str,
}

#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<Figure>);

impl Figures {
    pub(crate) fn add(&mut self, figure: Figure) {
        self.0.push(figure);
    }

    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out)?;
        let mut table = Table::new(["what", "a second", "floor", "ratio", "goal"]);
        for column in 1..5 {
            table = table.right(column);
        }
        for figure in &self.0 {
            let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            table.row([
                figure.what.to_owned(),
                format!("{:.0}", figure.ours),
                or_dash(figure.floor.map(|floor| format!("{floor:.0}"))),
                or_dash(
                    figure
                        .floor
                        .map(|floor| format!("{:.2}", figure.ours / floor)),
                ),
                figure.goal.to_owned(),
            ]);
        }
        table.write(out)
    }
}
