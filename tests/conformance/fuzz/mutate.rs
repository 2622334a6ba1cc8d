//! Real input, spoilt.

use proptest::prelude::*;
use proptest::sample::Index;

/// What stands in the place of a value, or somewhere.
const NASTY: &[&[u8]] = &[
    b"\xef\xbb\xbf",
    b"\0",
    b"\xff\xfe",
    b"\"\\ud800\"",
    b"NaN",
    b"-1",
    b"1e999",
    b"3e2",
    b"9007199254740993",
    b"99999999999999999999999999",
    b"299.999",
    b"\"-0.01\"",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"\"\"",
    b"\"",
    b"\\",
    b"\n",
    b"\r",
    b"\"CHARGED\"",
    b"\"charged\"",
    b"\"SUCCESS\"",
    b"\"Success \"",
    b"\"54321\"",
    b"54321",
    b"status",
    b"[[[[[[",
    b"\"INR\"",
    b"\"JPY\"",
    b"2026-02-30",
    b"'",
    b"#",
    b"=",
    b",",
    b"\xe2\x80\xae",
    b"0x10",
    b"inf",
    b"1h",
    b"\"*\"",
];

#[derive(Debug, Clone)]
enum Mutation {
    Cut(Index),
    Flip(Index, u8),
    Insert(Index, usize),
    /// The value behind a colon, a comma or an equals sign.
    Replace(Index, usize),
    /// A line, or an entry, once more somewhere else.
    Repeat(Index, Index),
    Huge(Index),
    Upper,
}

/// One of the seeds with a few things wrong.
pub(crate) fn mutated(seeds: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let nasty = 0..NASTY.len();
    let mutation = prop_oneof![
        1 => any::<Index>().prop_map(Mutation::Cut),
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, bits)| Mutation::Flip(at, bits)),
        2 => (any::<Index>(), nasty.clone()).prop_map(|(at, what)| Mutation::Insert(at, what)),
        6 => (any::<Index>(), nasty).prop_map(|(at, what)| Mutation::Replace(at, what)),
        2 => any::<(Index, Index)>().prop_map(|(from, to)| Mutation::Repeat(from, to)),
        1 => any::<Index>().prop_map(Mutation::Huge),
        1 => Just(Mutation::Upper),
    ];
    let mutations = prop::collection::vec(mutation, 1..5);
    (prop::sample::select(seeds), mutations).prop_map(|(seed, mutations)| {
        let mut data = seed.as_bytes().to_vec();
        for mutation in &mutations {
            if !data.is_empty() {
                apply(&mut data, mutation);
            }
        }
        data
    })
}

fn apply(data: &mut Vec<u8>, mutation: &Mutation) {
    match mutation {
        Mutation::Cut(at) => data.truncate(at.index(data.len())),
        Mutation::Flip(at, bits) => {
            let at = at.index(data.len());
            data[at] ^= bits;
        }
        Mutation::Insert(at, what) => {
            let at = at.index(data.len());
            data.splice(at..at, NASTY[*what].iter().copied());
        }
        Mutation::Replace(at, what) => {
            let starts: Vec<usize> = (0..data.len())
                .filter(|at| b":,=".contains(&data[*at]))
                .collect();
            if !starts.is_empty() {
                let start = starts[at.index(starts.len())] + 1;
                let ends = |byte: &u8| b",}]\n".contains(byte);
                let length = data[start..]
                    .iter()
                    .position(ends)
                    .unwrap_or(data.len() - start);
                data.splice(start..start + length, NASTY[*what].iter().copied());
            }
        }
        Mutation::Repeat(from, to) => {
            let parts: Vec<Vec<u8>> = data
                .split_inclusive(|byte| b",\n".contains(byte))
                .map(<[u8]>::to_vec)
                .collect();
            let mut longer = parts.clone();
            longer.insert(
                to.index(parts.len()),
                parts[from.index(parts.len())].clone(),
            );
            *data = longer.concat();
        }
        Mutation::Huge(at) => {
            let at = at.index(data.len());
            data.splice(at..at, std::iter::repeat_n(b'9', 100_000));
        }
        Mutation::Upper => data.make_ascii_uppercase(),
    }
}
