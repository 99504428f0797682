//! Copies strings, from any encoding to any.

use wasm_encoder::{BlockType, ValType};

use super::code::Local;
use super::transcode::{Helper, Target, Transcode, Units};
use super::value::{Place, Translation};
use crate::error::Result;
use crate::graph::Encoding;

/// Marks a length of [`Encoding::Latin1OrUtf16`] as that of UTF-16.
pub(super) const UTF16_TAG: i32 = i32::MIN;

impl Translation<'_, '_, '_> {
    pub(super) fn string(&mut self, from: &Place, to: &Place) -> Result<()> {
        let (address, length) = self.load_pair(from)?;
        let copy = match self.from.encoding {
            Encoding::Utf8 => self.transcode(Units::Utf8, address, length)?,
            Encoding::Utf16 => self.transcode(Units::Utf16, address, length)?,
            Encoding::Latin1OrUtf16 => self.transcode_tagged(address, length)?,
        };
        self.store_pair(copy.0, copy.1, to)?;
        for local in [address, length, copy.0, copy.1] {
            self.code.release(local);
        }
        Ok(())
    }

    /// Calls the helper that copies such strings.
    fn transcode(&mut self, units: Units, address: Local, length: Local) -> Result<(Local, Local)> {
        let into = match self.to.encoding {
            Encoding::Utf8 => Target::Utf8,
            Encoding::Utf16 => Target::Utf16,
            Encoding::Latin1OrUtf16 => Target::Latin1OrUtf16,
        };
        let helper = Helper::Transcode(Transcode {
            units,
            into,
            source: self.from.memory()?,
            target: self.to.memory()?,
            realloc: self.to.realloc()?,
        });
        let helper = self.bridge.helper(helper)?;
        self.code.add().local_get(address).local_get(length).call(helper);
        let copied = self.code.keep(ValType::I32);
        Ok((self.code.keep(ValType::I32), copied))
    }

    /// The length says which of the two encodings it is.
    fn transcode_tagged(&mut self, address: Local, length: Local) -> Result<(Local, Local)> {
        let wide = if self.to.encoding == Encoding::Latin1OrUtf16 { Units::CompactUtf16 } else { Units::Utf16 };
        let (copy, copied) = (self.code.i32(), self.code.i32());
        self.code.add().local_get(length).i32_const(0).i32_lt_s().if_(BlockType::Empty);
        self.code.add().local_get(length).i32_const(UTF16_TAG).i32_xor().local_set(length);
        let result = self.transcode(wide, address, length)?;
        self.code.add().local_get(result.0).local_set(copy).local_get(result.1).local_set(copied);
        self.code.add().else_();
        let narrow = self.transcode(Units::Latin1, address, length)?;
        self.code.add().local_get(narrow.0).local_set(copy).local_get(narrow.1).local_set(copied).end();
        for local in [result.0, result.1, narrow.0, narrow.1] {
            self.code.release(local);
        }
        Ok((copy, copied))
    }
}
