//! [`brigade!`](crate::brigade): a brigade written in a line.

use brigade::Bucket;

/// Writes a brigade: text and bytes are borrowed data, `FLUSH` and `EOS` are the marks, anything else
/// in the list is a [`Bucket`].
///
/// ```
/// use brigade::Bucket;
/// use brigade_testkit::brigade;
///
/// let owned = String::from("three");
/// let brigade = brigade!["one", FLUSH, b"two", &owned[..], Bucket::immortal(b"four"), EOS];
/// assert_eq!((brigade.len(), brigade.len_bytes()), (6, Some(15)));
/// ```
#[macro_export]
macro_rules! brigade {
    (@push $brigade:ident) => {};
    (@push $brigade:ident FLUSH $(, $($rest:tt)*)?) => {
        $brigade.push_back($crate::Bucket::flush());
        $crate::brigade!(@push $brigade $($($rest)*)?);
    };
    (@push $brigade:ident EOS $(, $($rest:tt)*)?) => {
        $brigade.push_back($crate::Bucket::eos());
        $crate::brigade!(@push $brigade $($($rest)*)?);
    };
    (@push $brigade:ident $bucket:expr $(, $($rest:tt)*)?) => {
        $brigade.push_back($crate::IntoBucket::into_bucket($bucket));
        $crate::brigade!(@push $brigade $($($rest)*)?);
    };
    () => { $crate::Brigade::new() };
    ($($buckets:tt)+) => {{
        let mut brigade = $crate::Brigade::new();
        $crate::brigade!(@push brigade $($buckets)+);
        brigade
    }};
}

/// What [`brigade!`](crate::brigade) takes as a bucket.
pub trait IntoBucket<'a> {
    /// The bucket it stands for.
    fn into_bucket(self) -> Bucket<'a>;
}

impl<'a> IntoBucket<'a> for Bucket<'a> {
    fn into_bucket(self) -> Bucket<'a> {
        self
    }
}

impl<'a> IntoBucket<'a> for &'a str {
    fn into_bucket(self) -> Bucket<'a> {
        Bucket::transient(self.as_bytes())
    }
}

impl<'a> IntoBucket<'a> for &'a [u8] {
    fn into_bucket(self) -> Bucket<'a> {
        Bucket::transient(self)
    }
}

impl<'a, const N: usize> IntoBucket<'a> for &'a [u8; N] {
    fn into_bucket(self) -> Bucket<'a> {
        Bucket::transient(self)
    }
}
