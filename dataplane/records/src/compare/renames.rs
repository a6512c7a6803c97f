//! Renames that changed nothing but the values of the key dictionary, as the engine's do.

use super::columns::{TextColumn, column, ordinals, same};
use super::{Keys, NotExpressible};
use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};

/// The columns that a rename leaves alone.
const OTHERS: [&str; 8] = [
    "parent_id",
    "type",
    "str",
    "int",
    "double",
    "bool",
    "bytes",
    "ser",
];

/// The renames, if key dictionaries are all that differs; `None` if more may differ.
pub(super) fn dictionary_renames<'a>(
    before: &'a RecordBatch,
    after: &'a RecordBatch,
    watched: &Keys,
) -> Result<Option<Vec<(&'a str, &'a str)>>, NotExpressible> {
    let find = |batch, name| column(batch, name).map(|(_, array)| array);
    if !OTHERS
        .iter()
        .all(|name| same(find(before, name), find(after, name)))
    {
        return Ok(None);
    }
    let (Some(old), Some(new)) = (find(before, "key"), find(after, "key")) else {
        return Ok(None);
    };
    if same(Some(old), Some(new)) {
        return Ok(Some(Vec::new()));
    }
    let texts = TextColumn::new("key", Some(old))?;
    let (Some(old), Some(new)) = (old.as_any_dictionary_opt(), new.as_any_dictionary_opt()) else {
        return Ok(None);
    };
    if old.values().len() != new.values().len()
        || !old.keys().to_data().ptr_eq(&new.keys().to_data())
    {
        return Ok(None);
    }
    let (Some(old), Some(new)) = (
        old.values().as_string_opt::<i32>(),
        new.values().as_string_opt::<i32>(),
    ) else {
        return Ok(None);
    };
    if old.null_count() + new.null_count() > 0 {
        return Ok(None);
    }
    let changed = |pair: &(&'a str, &'a str)| pair.0 != pair.1;
    let pairs = || (0..old.len()).map(|i| (old.value(i), new.value(i)));
    let renames: Vec<_> = pairs().filter(changed).collect();
    let renamed: Vec<bool> = pairs().map(|pair| changed(&pair)).collect();
    if twice(before, texts, &renamed)? {
        return Ok(None);
    }
    // Each new key must be new, and each old one stand for all rows that had it.
    let alone = renames.iter().all(|(from, to)| {
        pairs().filter(|(old, _)| old == from).count() == 1
            && pairs().all(|(old, _)| old != *to)
            && pairs().filter(|(_, new)| new == to).count() == 1
            && !from.is_empty()
            && watched.contains(from)
            && watched.contains(to)
    });
    Ok(alone.then_some(renames))
}

/// Whether an owner has two rows with the same one of these dictionary entries.
fn twice(
    batch: &RecordBatch,
    keys: TextColumn<'_>,
    entries: &[bool],
) -> Result<bool, NotExpressible> {
    let Some((field, parents)) = column(batch, "parent_id") else {
        return Ok(true);
    };
    let parents = ordinals("parent_id", field, parents)?;
    let mut seen = vec![Vec::new(); entries.len()];
    for (row, parent) in parents.iter().enumerate() {
        let Some(entry) = keys.index(row).filter(|entry| entries[*entry]) else {
            continue;
        };
        let (word, bit) = (usize::from(*parent) / 64, 1u64 << (*parent % 64));
        let marks: &mut Vec<u64> = &mut seen[entry];
        if marks.len() <= word {
            marks.resize(word + 1, 0);
        }
        if marks[word] & bit != 0 {
            return Ok(true);
        }
        marks[word] |= bit;
    }
    Ok(false)
}
