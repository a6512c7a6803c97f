//! New values beside the old ones: building the value columns of a table of which some rows change
//! and some are new.

use super::actions::Literal;
use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, new_null_array,
};
use arrow_schema::{ArrowError, DataType};
use arrow_select::{interleave::interleave, take::take};
use std::sync::Arc;

/// The value columns with OTAP's types of what they hold.
pub(super) const COLUMNS: [(&str, DataType); 6] = [
    ("str", DataType::Utf8),
    ("int", DataType::Int64),
    ("double", DataType::Float64),
    ("bool", DataType::Boolean),
    ("bytes", DataType::Binary),
    ("ser", DataType::Binary),
];

/// Where a row of the new table comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// It stays as it was in this row.
    Old(usize),
    /// It was in this row and gets the new value with this number.
    Changed(usize, usize),
    /// It is new: owner and key have this number among the new rows, and it gets this new value.
    Added(usize, usize),
}

/// Values that rows get.
#[derive(Debug)]
pub(super) struct NewValues(Vec<Literal>);

impl NewValues {
    /// The configured values keep their numbers.
    pub(super) fn new(configured: &[Literal]) -> Self {
        Self(configured.to_vec())
    }

    /// Adds a value; gives its number.
    pub(super) fn push(&mut self, value: Literal) -> usize {
        self.0.push(value);
        self.0.len() - 1
    }

    /// OTAP's type of a value.
    pub(super) fn kind(&self, number: usize) -> u8 {
        match self.0[number] {
            Literal::Str(_) => 1,
            Literal::Int(_) => 2,
            Literal::Double(_) => 3,
            Literal::Bool(_) => 4,
        }
    }

    /// The column of this name for rows from `sources`; `None` where the old table has none and no
    /// new value belongs there. A column in which nothing changes stays the same array.
    pub(super) fn column(
        &self,
        name: &str,
        data_type: &DataType,
        old: Option<&ArrayRef>,
        sources: &[Source],
    ) -> Result<Option<ArrayRef>, ArrowError> {
        let (mine, places) = self.of(name);
        if old.is_none() && mine.is_empty() {
            return Ok(None);
        }
        if let Some(old) = old
            && old.len() == sources.len()
            && sources
                .iter()
                .enumerate()
                .all(|(row, source)| match source {
                    Source::Old(from) => *from == row,
                    Source::Changed(from, number) => {
                        *from == row && places[*number].is_none() && old.is_null(row)
                    }
                    Source::Added(..) => false,
                })
        {
            return Ok(Some(Arc::clone(old)));
        }
        let nothing = new_null_array(data_type, 1);
        let plain = old.map(plain).transpose()?;
        let arrays = [plain.as_deref().unwrap_or(&nothing), &*mine, &*nothing];
        let there = plain.is_some();
        let indexes: Vec<(usize, usize)> = sources
            .iter()
            .map(|source| match source {
                Source::Old(row) if there => (0, *row),
                Source::Old(_) => (2, 0),
                Source::Changed(_, number) | Source::Added(_, number) => {
                    places[*number].map_or((2, 0), |place| (1, place))
                }
            })
            .collect();
        interleave(&arrays, &indexes).map(Some)
    }

    /// The new values of one column, and the place among them of each of all new values.
    fn of(&self, name: &str) -> (ArrayRef, Vec<Option<usize>>) {
        let mut count = 0;
        let places = self.0.iter().map(|value| {
            let belongs = match value {
                Literal::Str(_) => name == "str",
                Literal::Int(_) => name == "int",
                Literal::Double(_) => name == "double",
                Literal::Bool(_) => name == "bool",
            };
            count += usize::from(belongs);
            belongs.then(|| count - 1)
        });
        let places: Vec<_> = places.collect();
        macro_rules! collect {
            ($kind:ident, $array:ty, $value:ident => $get:expr) => {
                Arc::new(
                    self.0
                        .iter()
                        .filter_map(|value| match value {
                            Literal::$kind($value) => Some(Some($get)),
                            _ => None,
                        })
                        .collect::<$array>(),
                ) as ArrayRef
            };
        }
        let array = match name {
            "str" => collect!(Str, StringArray, text => text.as_str()),
            "int" => collect!(Int, Int64Array, int => *int),
            "double" => collect!(Double, Float64Array, double => *double),
            "bool" => collect!(Bool, BooleanArray, bool => *bool),
            // No configured value is of these types.
            _ => new_null_array(&DataType::Binary, 0),
        };
        (array, places)
    }
}

/// The column without its dictionary.
pub(super) fn plain(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match column.as_any_dictionary_opt() {
        Some(dictionary) => take(dictionary.values(), dictionary.keys(), None),
        None => Ok(Arc::clone(column)),
    }
}
