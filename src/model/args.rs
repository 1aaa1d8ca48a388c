//! A list of byte strings in one allocation.

use smallvec::SmallVec;

/// The arguments of a record or a job, in order: any bytes but NUL, stored back to back.
///
/// A list with one or two arguments costs one allocation, however it travels between threads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArgList {
    bytes: Vec<u8>,
    /// End offset of each argument in `bytes`.
    ends: SmallVec<[usize; 2]>,
}

impl ArgList {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// A list of the one argument `arg`, taking over its buffer.
    pub fn single(arg: Vec<u8>) -> Self {
        let mut ends = SmallVec::new();
        ends.push(arg.len());
        Self { bytes: arg, ends }
    }

    /// Appends `arg`.
    pub fn push(&mut self, arg: &[u8]) {
        self.bytes.extend_from_slice(arg);
        self.ends.push(self.bytes.len());
    }

    /// Appends every argument of `other`.
    pub fn extend(&mut self, other: &ArgList) {
        let base = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.ends.extend(other.ends.iter().map(|end| base + end));
    }

    /// How many arguments there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no argument at all (one empty argument is not "empty").
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Argument number `index`, counted from 0.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        self.bytes.get(start..end)
    }

    /// The arguments in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let arg = &self.bytes[start..end];
            start = end;
            arg
        })
    }
}

impl<A: AsRef<[u8]>> FromIterator<A> for ArgList {
    fn from_iter<I: IntoIterator<Item = A>>(args: I) -> Self {
        let mut list = Self::new();
        for arg in args {
            list.push(arg.as_ref());
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::ArgList;

    #[test]
    fn keeps_empty_arguments_and_their_order() {
        let mut list: ArgList = ["a", "", "bc"].into_iter().collect();
        list.extend(&ArgList::single(b"d".to_vec()));
        assert_eq!(list.len(), 4);
        assert_eq!(list.get(0), Some(&b"a"[..]));
        assert_eq!(list.get(1), Some(&b""[..]));
        assert_eq!(list.get(4), None);
        assert_eq!(
            list.iter().collect::<Vec<_>>(),
            [&b"a"[..], b"", b"bc", b"d"]
        );
    }
}
