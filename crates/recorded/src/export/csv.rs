//! CSV as RFC 4180 has it: a header, then one row for each object.

use super::frames::Frames;
use crate::{DetectionRecord, FrameRecord, JournalHeader, RecordedError};
use std::borrow::Cow;
use std::io::{self, Write};

const HEADER: &str = "input,frame,timestamp_ms,class_id,label,score,x1,y1,x2,y2,track,width,height\r\n";
/// What a spreadsheet takes for the beginning of a formula, or skips before one.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Writes every object.
pub(super) fn write(frames: &Frames<'_>, out: &mut impl Write) -> Result<(), RecordedError> {
    let mut begun = out.write_all(HEADER.as_bytes());
    frames.each(|header, record| {
        std::mem::replace(&mut begun, Ok(()))
            .and_then(|()| record.detections.iter().try_for_each(|found| write_row(out, header, record, found)))
            .map_err(|error| RecordedError::output(&error))
    })?;
    begun.map_err(|error| RecordedError::output(&error))
}

fn write_row(
    out: &mut impl Write,
    header: &JournalHeader,
    record: &FrameRecord,
    found: &DetectionRecord,
) -> io::Result<()> {
    let (input, label) = (text(&header.input), text(&found.label));
    let [x1, y1, x2, y2] = found.corners;
    write!(out, "{input},{},{},{},{label},", record.frame, record.timestamp_ms, found.class_id)?;
    write!(out, "{},{x1},{y1},{x2},{y2},", found.score)?;
    if let Some(track) = found.track {
        write!(out, "{track}")?;
    }
    write!(out, ",{},{}\r\n", record.image.width, record.image.height)
}

/// Text as one field: in quotes where it needs them, and never a formula.
fn text(text: &str) -> Cow<'_, str> {
    let guarded: Cow<'_, str> = if text.starts_with(FORMULA) { format!("'{text}").into() } else { text.into() };
    if guarded.contains(['"', ',', '\r', '\n']) {
        return format!("\"{}\"", guarded.replace('"', "\"\"")).into();
    }
    guarded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_one_field_and_text() {
        assert_eq!(text("traffic light"), "traffic light");
        assert_eq!(text("a,b"), "\"a,b\"");
        assert_eq!(text("say \"hi\"\n"), "\"say \"\"hi\"\"\n\"");
        assert_eq!(text("=cmd()"), "'=cmd()");
        assert_eq!(text("-1,2"), "\"'-1,2\"");
        assert_eq!(text("a=b"), "a=b");
    }
}
