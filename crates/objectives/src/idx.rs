//! Datasets from IDX files, the format of MNIST.
//!
//! An IDX file is a magic number (two zero bytes, the type 8 for unsigned bytes, the number of dimensions), the extent of each
//! dimension as a big-endian u32, and the bytes: `0x00000803` for images (count x rows x columns), `0x00000801` for labels.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::csv_table::labelled;
use crate::data_error::DataError;
use crate::dataset::{Dataset, Targets};

const IMAGES: u32 = 0x0000_0803;
const LABELS: u32 = 0x0000_0801;

/// Reads a file of images and the file of their labels, each gzip or plain. The features are the pixels p0, p1, ... row by row,
/// 0 to 255; the classes are the labels that occur, in their order.
///
/// # Errors
///
/// A [`DataError`] that names the file: unreadable, damaged gzip, wrong magic number, files swapped, truncated, too long,
/// counts that differ, no images, one class.
pub fn read_idx(images: &Path, labels: &Path) -> Result<Dataset, DataError> {
    let (pixels, extents) = read_bytes(images, IMAGES)?;
    let (digits, _) = read_bytes(labels, LABELS)?;
    let [count, rows, columns] = extents;
    if count as usize != digits.len() {
        return Err(DataError::IdxCounts {
            images: images.display().to_string(),
            image_count: count as usize,
            labels: labels.display().to_string(),
            label_count: digits.len(),
        });
    }
    let feature_names = (0..rows as usize * columns as usize)
        .map(|j| format!("p{j}"))
        .collect();
    let features = pixels.into_iter().map(f64::from).collect();
    let name = images
        .file_name()
        .unwrap_or(images.as_os_str())
        .to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let data = Dataset::new(name, features, feature_names, "label", classes(digits))?;
    data.check_varied(labels.display().to_string())?;
    Ok(data)
}

fn classes(labels: Vec<u8>) -> Targets {
    labelled(labels, u8::cmp, u8::to_string)
}

/// The bytes behind the header, and the extents (1 for a dimension that labels do not have).
fn read_bytes(path: &Path, wanted: u32) -> Result<(Vec<u8>, [u32; 3]), DataError> {
    let file = path.display().to_string();
    let unreadable = |source| DataError::Unreadable {
        file: file.clone(),
        source,
    };
    let mut plain = BufReader::new(File::open(path).map_err(unreadable)?);
    let gzip = plain
        .fill_buf()
        .map_err(unreadable)?
        .starts_with(&[0x1f, 0x8b]);
    if gzip {
        read_idx_stream(MultiGzDecoder::new(plain), &file, wanted, |file, source| {
            DataError::Gzip { file, source }
        })
    } else {
        read_idx_stream(plain, &file, wanted, |file, source| DataError::Unreadable {
            file,
            source,
        })
    }
}

fn read_idx_stream(
    stream: impl Read,
    file: &str,
    wanted: u32,
    fault: impl Fn(String, io::Error) -> DataError,
) -> Result<(Vec<u8>, [u32; 3]), DataError> {
    let mut stream = Counted {
        stream,
        file,
        fault,
        count: 0,
    };
    let magic = stream.number(4)?;
    check_magic(file, magic, wanted)?;
    let mut extents = [1; 3];
    let dimensions = if wanted == IMAGES { 3 } else { 1 };
    for (d, extent) in extents.iter_mut().take(dimensions).enumerate() {
        *extent = stream.number(4 + 4 * (d as u64 + 1))?;
    }
    let [count, rows, columns] = extents;
    let header = stream.count;
    let size = extents
        .iter()
        .try_fold(1_u64, |size, &extent| size.checked_mul(extent.into()));
    let end = size
        .and_then(|size| size.checked_add(header))
        .filter(|_| rows > 0 && columns > 0);
    let end = end.ok_or_else(|| DataError::ImpossibleIdx {
        file: file.to_owned(),
        count,
        rows,
        columns,
    })?;
    // One byte more than promised tells a file that is too long.
    let bytes = stream.take(end - header + 1)?;
    match header + bytes.len() as u64 {
        found if found < end => Err(DataError::TruncatedIdx {
            file: file.to_owned(),
            found,
            expected: end,
        }),
        found if found > end => Err(DataError::OverlongIdx {
            file: file.to_owned(),
            expected: end,
        }),
        _ => Ok((bytes, extents)),
    }
}

fn check_magic(file: &str, found: u32, wanted: u32) -> Result<(), DataError> {
    let file = file.to_owned();
    let noun = |magic| if magic == IMAGES { "images" } else { "labels" };
    match found {
        _ if found == wanted => Ok(()),
        IMAGES | LABELS => Err(DataError::SwappedIdx {
            file,
            found: noun(found),
            magic: found,
            expected: noun(wanted),
        }),
        _ => Err(DataError::NotIdx {
            file,
            found,
            expected: noun(wanted),
            wanted,
        }),
    }
}

/// A stream that knows how many bytes came out of it, and whose faults name the file.
struct Counted<'a, R, F> {
    stream: R,
    file: &'a str,
    fault: F,
    count: u64,
}

impl<R: Read, F: Fn(String, io::Error) -> DataError> Counted<'_, R, F> {
    /// Up to `most` bytes; fewer only at the end of the stream.
    fn take(&mut self, most: u64) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        let read = self.stream.by_ref().take(most).read_to_end(&mut bytes);
        read.map_err(|source| (self.fault)(self.file.to_owned(), source))?;
        self.count += bytes.len() as u64;
        Ok(bytes)
    }

    /// A big-endian number of the header, which needs `expected` bytes up to here.
    fn number(&mut self, expected: u64) -> Result<u32, DataError> {
        let bytes = self.take(4)?;
        let cut = |_| DataError::TruncatedIdx {
            file: self.file.to_owned(),
            found: self.count,
            expected,
        };
        Ok(u32::from_be_bytes(bytes.try_into().map_err(cut)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn idx(magic: u32, extents: &[u32], bytes: &[u8]) -> Vec<u8> {
        let header = [&[magic], extents].concat();
        header
            .iter()
            .flat_map(|number| number.to_be_bytes())
            .chain(bytes.iter().copied())
            .collect()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Three images of 2 x 2 pixels.
    fn images() -> Vec<u8> {
        idx(
            IMAGES,
            &[3, 2, 2],
            &[0, 1, 2, 3, 10, 11, 12, 13, 255, 0, 0, 255],
        )
    }

    fn labels() -> Vec<u8> {
        idx(LABELS, &[3], &[7, 2, 7])
    }

    fn read(images: &[u8], labels: &[u8]) -> Result<Dataset, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("images"), folder.path().join("labels"));
        std::fs::write(&a, images).unwrap();
        std::fs::write(&b, labels).unwrap();
        read_idx(&a, &b)
    }

    #[test]
    fn gzip_and_plain_files_give_the_same_data() {
        let data = read(&images(), &labels()).unwrap();
        assert_eq!((data.rows(), data.columns(), data.name()), (3, 4, "images"));
        assert_eq!(data.row(2), [255.0, 0.0, 0.0, 255.0]);
        assert_eq!(
            data.targets(),
            &Targets::Classes {
                labels: vec![1, 0, 1],
                names: vec!["2".into(), "7".into()]
            }
        );
        assert_eq!(read(&gzip(&images()), &gzip(&labels())).unwrap(), data);
        assert_eq!(read(&gzip(&images()), &labels()).unwrap(), data);
    }

    #[test]
    fn truncated_files() {
        for cut in 0..images().len() {
            match read(&images()[..cut], &labels()) {
                Err(DataError::TruncatedIdx {
                    file,
                    found,
                    expected,
                }) => {
                    assert!(file.ends_with("images"));
                    let needed = match cut {
                        0..4 => 4,
                        4..8 => 8,
                        8..12 => 12,
                        12..16 => 16,
                        _ => 28,
                    };
                    assert_eq!((found, expected), (cut as u64, needed));
                }
                other => panic!("{other:?}"),
            }
        }
        let cut = read(&images(), &labels()[..10]);
        assert!(matches!(
            cut,
            Err(DataError::TruncatedIdx {
                found: 10,
                expected: 11,
                ..
            })
        ));
        let long = [images(), vec![0]].concat();
        assert!(matches!(
            read(&long, &labels()),
            Err(DataError::OverlongIdx { expected: 28, .. })
        ));
        let packed = gzip(&images());
        let cut = read(&packed[..packed.len() - 9], &labels());
        assert!(matches!(cut, Err(DataError::Gzip { ref file, .. }) if file.ends_with("images")));
        let cut = read(&gzip(&images()[..20]), &labels());
        assert!(matches!(
            cut,
            Err(DataError::TruncatedIdx {
                found: 20,
                expected: 28,
                ..
            })
        ));
    }

    #[test]
    fn swapped_files_and_other_files() {
        let swapped = read(&labels(), &images()).unwrap_err().to_string();
        let told = "images: holds labels (magic number 0x00000801) where images belong; swap the two files";
        assert!(swapped.ends_with(told), "{swapped}");
        let twice = read(&images(), &images()).unwrap_err().to_string();
        let told = "labels: holds images (magic number 0x00000803) where labels belong; swap the two files";
        assert!(twice.ends_with(told), "{twice}");
        let other = read(b"a,b,c,d\n", &labels());
        assert!(matches!(
            other,
            Err(DataError::NotIdx {
                found: 0x612c_622c,
                wanted: IMAGES,
                ..
            })
        ));
    }

    #[test]
    fn counts_that_differ_and_impossible_headers() {
        match read(&images(), &idx(LABELS, &[2], &[7, 2])) {
            Err(DataError::IdxCounts {
                image_count: 3,
                label_count: 2,
                ..
            }) => {}
            other => panic!("{other:?}"),
        }
        let huge = read(&idx(IMAGES, &[u32::MAX; 3], &[]), &labels());
        assert!(matches!(huge, Err(DataError::ImpossibleIdx { .. })));
        let empty = read(&idx(IMAGES, &[3, 0, 2], &[]), &labels());
        assert!(matches!(
            empty,
            Err(DataError::ImpossibleIdx { rows: 0, .. })
        ));
        let none = read(&idx(IMAGES, &[0, 2, 2], &[]), &idx(LABELS, &[0], &[]));
        assert!(matches!(none, Err(DataError::NoRows { .. })));
        let one = read(&images(), &idx(LABELS, &[3], &[4, 4, 4]));
        assert!(
            matches!(one, Err(DataError::OneClass { ref name, ref class, .. }) if class == "4" && name.ends_with("labels"))
        );
        assert!(matches!(
            read_idx(Path::new("no/such"), Path::new("no")),
            Err(DataError::Unreadable { .. })
        ));
    }
}
