//! Pictures as PNG reads and writes them: 8 bits, one to four channels.
//!
//! Palettes, 1, 2, 4 and 16 bits are turned into 8 bits by the `png` crate.

use guest::{InputFile, Job, Problem, Result};
use png::{BitDepth, ColorType, Decoder, DecodingError, Encoder, Transformations};

/// A larger picture is refused before memory is taken for it.
const MAX_PIXELS: usize = 50_000_000;

/// Rows of pixels, `channels` bytes each.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) colour: ColorType,
    pub(crate) bytes: Vec<u8>,
}

impl Picture {
    pub(crate) fn read(file: &InputFile) -> Result<Self> {
        let unreadable = |error| unreadable(file, error);
        let mut decoder = Decoder::new(file.open()?);
        decoder.set_transformations(Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(unreadable)?;
        let info = reader.info();
        let (width, height) = (info.width as usize, info.height as usize);
        let size = reader.output_buffer_size().filter(|_| width.saturating_mul(height) <= MAX_PIXELS);
        let Some(size) = size else {
            return Err(Problem::Input(format!(
                "{}: {width}x{height} is more than {MAX_PIXELS} pixels; make it smaller first",
                file.name
            )));
        };
        let mut bytes = vec![0; size];
        let frame = reader.next_frame(&mut bytes).map_err(unreadable)?;
        Ok(Self { width, height, colour: frame.color_type, bytes })
    }

    pub(crate) fn channels(&self) -> usize {
        self.colour.samples()
    }

    /// Whether the last channel is alpha.
    pub(crate) fn has_alpha(&self) -> bool {
        matches!(self.colour, ColorType::GrayscaleAlpha | ColorType::Rgba)
    }

    pub(crate) fn row(&self, index: usize) -> &[u8] {
        let length = self.width * self.channels();
        &self.bytes[index * length..][..length]
    }

    /// Writes the picture as an output of the job.
    pub(crate) fn write(&self, job: &Job, name: &str) -> Result<()> {
        let mut content = Vec::new();
        self.encode(&mut content).map_err(|error| Problem::Output(format!("{name}: cannot be made a PNG: {error}")))?;
        job.write_output(name, &content)
    }

    fn encode(&self, content: &mut Vec<u8>) -> std::result::Result<(), png::EncodingError> {
        let side = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let mut encoder = Encoder::new(content, side(self.width), side(self.height));
        encoder.set_color(self.colour);
        encoder.set_depth(BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.bytes)?;
        writer.finish()
    }
}

fn unreadable(file: &InputFile, error: DecodingError) -> Problem {
    match error {
        DecodingError::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            Problem::reading(&file.path, &error)
        }
        error => Problem::Input(format!("{}: not a whole PNG picture ({error}); check or remove the file", file.name)),
    }
}
