//! Every format tells what a run of single frames finds.

use crate::support::{Bench, facts, ffmpeg, finished, first, shared, starter};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use samovar_media::{FramePool, Picture, VideoDecoder, VideoInput, VideoLimits, VideoOptions};
use samovar_models::{DetectOptions, Detections};
use samovar_recorded::{Export, ResultFormat, export, export_unless};
use samovar_runtime::{Call, Class, StreamKey};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// One object as every format can tell it: frame, class, score, corners.
type Object = (u64, u64, f32, [f32; 4]);

/// Frame by frame, each alone.
async fn one_by_one(bench: &Bench, video: &Path, frames: u64) -> Vec<Detections> {
    let options = VideoOptions { frame_count_max: Some(frames), ..VideoOptions::new(bench.program.clone()) };
    let input = VideoInput::File(video.to_owned());
    let mut decoder = VideoDecoder::open(input, options, &VideoLimits::default(), FramePool::new(8)).unwrap();
    let mut found = Vec::new();
    while let Some(frame) = decoder.next_frame().unwrap() {
        let call = Call::new(Class::Interactive, StreamKey(9));
        let picture = Picture::decoded(Arc::new(frame));
        let pending = bench.detector().detect(picture, DetectOptions::default(), call).unwrap();
        found.push(pending.await.unwrap().output);
    }
    found
}

fn objects(found: &[Detections]) -> Vec<Object> {
    let frames = found.iter().enumerate();
    let objects = frames.flat_map(|(frame, found)| found.items.iter().map(move |item| (frame, item)));
    let object = |(frame, item): (usize, &samovar_models::Detection)| {
        let corners = [item.bbox.x1, item.bbox.y1, item.bbox.x2, item.bbox.y2];
        (frame as u64, item.class_id.into(), item.score, corners)
    };
    objects.map(object).collect()
}

fn number(value: &Value) -> f32 {
    value.as_f64().unwrap() as f32
}

fn corners(value: &Value) -> [f32; 4] {
    [0, 1, 2, 3].map(|at| number(&value[at]))
}

fn of_jsonl(text: &str) -> Vec<Object> {
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let objects = lines.flat_map(|line| {
        let frame = line["frame"].as_u64().unwrap();
        line["detections"].as_array().unwrap().iter().map(|found| (frame, found.clone())).collect::<Vec<_>>()
    });
    let object = |(frame, found): (u64, Value)| {
        (frame, found["class_id"].as_u64().unwrap(), number(&found["score"]), corners(&found["box"]))
    };
    objects.map(object).collect()
}

fn of_csv(text: &str) -> Vec<Object> {
    let mut lines = text.split("\r\n");
    let header = "input,frame,timestamp_ms,class_id,label,score,x1,y1,x2,y2,track,width,height";
    assert_eq!(lines.next(), Some(header));
    let rows = lines.filter(|line| !line.is_empty()).map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |at: usize| cells[at].parse::<f32>().unwrap();
        let corners = [6, 7, 8, 9].map(number);
        (cells[1].parse().unwrap(), cells[3].parse().unwrap(), number(5), corners)
    });
    rows.collect()
}

fn cell<'a>(row: &'a Row, name: &str) -> &'a Field {
    row.get_column_iter().find(|(found, _)| *found == name).unwrap().1
}

fn float(row: &Row, name: &str) -> f32 {
    match cell(row, name) {
        Field::Float(value) => *value,
        other => panic!("{name} is {other:?}"),
    }
}

fn long(field: &Field) -> u64 {
    match field {
        Field::Long(value) => u64::try_from(*value).unwrap(),
        Field::Int(value) => u64::try_from(*value).unwrap(),
        other => panic!("{other:?} is no number"),
    }
}

fn of_parquet(file: &Path) -> Vec<Object> {
    let reader = SerializedFileReader::new(std::fs::File::open(file).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap().map(Result::unwrap);
    let rows = rows.filter(|row| *cell(row, "class_id") != Field::Null);
    let object = |row: Row| {
        let corners = ["x1", "y1", "x2", "y2"].map(|name| float(&row, name));
        (long(cell(&row, "frame")), long(cell(&row, "class_id")), float(&row, "score"), corners)
    };
    rows.map(object).collect()
}

/// Boxes of formats that hold left, top, width and height.
fn sized(objects: &[Object]) -> Vec<Object> {
    let sized =
        |(frame, class, score, [x1, y1, x2, y2]): &Object| (*frame, *class, *score, [*x1, *y1, x2 - x1, y2 - y1]);
    objects.iter().map(sized).collect()
}

fn of_coco(document: &Value) -> Vec<Object> {
    let images = document["images"].as_array().unwrap();
    let annotations = document["annotations"].as_array().unwrap().iter();
    let object = |found: &Value| {
        let image = &images[found["image_id"].as_u64().unwrap() as usize - 1];
        assert_eq!(image["id"], found["image_id"]);
        let class = found["category_id"].as_u64().unwrap() - 1;
        (image["frame"].as_u64().unwrap(), class, number(&found["score"]), corners(&found["bbox"]))
    };
    annotations.map(object).collect()
}

fn of_mot(text: &str) -> Vec<(u64, i64, f32, [f32; 4])> {
    let rows = text.lines().map(|line| {
        let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        assert_eq!((cells.len(), &cells[7..]), (10, &[-1.0; 3][..]));
        let corners = [2, 3, 4, 5].map(|at| cells[at] as f32);
        (cells[0] as u64 - 1, cells[1] as i64, cells[6] as f32, corners)
    });
    rows.collect()
}

async fn every_format_agrees(bench: &Bench, video: &Path, frames: u64) {
    let expected = objects(&one_by_one(bench, video, frames).await);
    assert!(expected.len() as u64 > frames, "there is something to see");
    let journal = bench.path("journal.jsonl");
    let end = finished(bench.go_on(video, &first(frames), &journal).await.unwrap());
    assert_eq!((end.frames, &*end.end, end.summary.detections), (frames, "truncated", expected.len() as u64));
    let text = |format| String::from_utf8(bench.exported(&journal, format, false)).unwrap();
    assert_eq!(of_jsonl(&text(ResultFormat::Jsonl)), expected);
    assert_eq!(of_csv(&text(ResultFormat::Csv)), expected);
    bench.exported(&journal, ResultFormat::Parquet, false);
    assert_eq!(of_parquet(&bench.path("out.parquet")), expected);
    let coco = serde_json::from_str(&text(ResultFormat::Coco)).unwrap();
    assert_eq!(of_coco(&coco), sized(&expected));
    let mot = of_mot(&text(ResultFormat::Mot));
    assert!(mot.iter().all(|row| row.1 == -1));
    let mot: Vec<_> = mot.into_iter().map(|(frame, _, score, corners)| (frame, score, corners)).collect();
    let sized: Vec<_> =
        sized(&expected).into_iter().map(|(frame, _, score, corners)| (frame, score, corners)).collect();
    assert_eq!(mot, sized);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_tells_what_single_frames_give() {
    let Some(bench) = Bench::starter().await else { return };
    every_format_agrees(&bench, &starter("samples/street.mp4"), 40).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_tells_what_single_frames_give_of_people_in_a_street() {
    let (Some(program), Some(model)) = (ffmpeg(), shared("yolox-nano/yolox_nano_dynbatch.onnx")) else { return };
    let Some(video) = shared("media/vtest.mp4") else { return };
    let bench = Bench::with(&model, program).await;
    every_format_agrees(&bench, &video, 40).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tracks_are_the_same_in_every_format_and_every_time() {
    let Some(bench) = Bench::starter().await else { return };
    let journal = bench.path("journal.jsonl");
    bench.go_on(&starter("samples/street.mp4"), &first(60), &journal).await.unwrap();
    let text = |format| String::from_utf8(bench.exported(&journal, format, true)).unwrap();
    let lines = text(ResultFormat::Jsonl);
    assert_eq!(lines, text(ResultFormat::Jsonl));
    let tracks: Vec<(u64, Option<u64>)> = lines
        .lines()
        .flat_map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let frame = line["frame"].as_u64().unwrap();
            line["detections"]
                .as_array()
                .unwrap()
                .iter()
                .map(|found| (frame, found["track"].as_u64()))
                .collect::<Vec<_>>()
        })
        .collect();
    let longest = (1..=100).map(|id| tracks.iter().filter(|(_, track)| *track == Some(id)).count()).max().unwrap();
    assert!(longest >= 30, "somebody is followed for half of the clip or more, not {longest} frames");
    let told: Vec<(u64, u64)> = tracks.iter().filter_map(|(frame, track)| Some((*frame, (*track)?))).collect();
    let mot: Vec<(u64, u64)> =
        of_mot(&text(ResultFormat::Mot)).into_iter().map(|row| (row.0, u64::try_from(row.1).unwrap())).collect();
    assert_eq!(mot, told, "who has no track is not in MOT");
    let coco: Value = serde_json::from_str(&text(ResultFormat::Coco)).unwrap();
    let of_coco: Vec<Option<u64>> =
        coco["annotations"].as_array().unwrap().iter().map(|found| found["track_id"].as_u64()).collect();
    assert_eq!(of_coco, tracks.iter().map(|(_, track)| *track).collect::<Vec<_>>());
    let csv: Vec<Option<u64>> =
        text(ResultFormat::Csv).lines().skip(1).map(|line| line.split(',').nth(10).unwrap().parse().ok()).collect();
    assert_eq!(csv, of_coco);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_journals_become_one_file_and_a_frame_without_objects_stays_a_frame() {
    let Some(bench) = Bench::starter().await else { return };
    let video = starter("samples/street.mp4");
    let (one, two) = (bench.path("one.jsonl"), bench.path("two.jsonl"));
    bench.go_on(&video, &first(5), &one).await.unwrap();
    bench.go_on(&video, &first(3), &two).await.unwrap();
    // A frame in which nothing was found, behind the last.
    let lines = std::fs::read_to_string(&two).unwrap();
    let mut lines: Vec<&str> = lines.lines().collect();
    let empty =
        json!({ "frame": 3, "timestamp_ms": 900.5, "image": { "width": 640, "height": 360 }, "detections": [] });
    let empty = empty.to_string();
    // Serde sorts the keys of a value; a frame's line begins with its number.
    let empty = format!(r#"{{"frame":3,{}"#, empty.replace(r#""frame":3,"#, "").trim_start_matches('{'));
    *lines.last_mut().unwrap() = &empty;
    std::fs::write(&two, lines.join("\n") + "\n").unwrap();
    let out = |format: ResultFormat| {
        let out = bench.path(&format!("both.{}", format.extension()));
        export(&[one.clone(), two.clone()], &Export { format, track: false }, &out).unwrap();
        out
    };
    let coco: Value = serde_json::from_slice(&std::fs::read(out(ResultFormat::Coco)).unwrap()).unwrap();
    let ids: Vec<u64> = coco["images"].as_array().unwrap().iter().map(|image| image["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (1..=9).collect::<Vec<_>>());
    assert_eq!(coco["images"][8]["timestamp_ms"], 900.5);
    assert_eq!(coco["images"][5]["file_name"], "street/000000.jpg");
    assert_eq!(coco["categories"][0]["id"], 1);
    let file = out(ResultFormat::Parquet);
    let reader = SerializedFileReader::new(std::fs::File::open(file).unwrap()).unwrap();
    let keys = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let told = |key: &str| keys.iter().find(|pair| pair.key == key).unwrap().value.clone().unwrap();
    assert_eq!(told("samovar.frames"), "9");
    assert_eq!(serde_json::from_str::<Value>(&told("samovar.videos")).unwrap().as_array().unwrap().len(), 2);
    let last = reader.get_row_iter(None).unwrap().last().unwrap().unwrap();
    assert_eq!((cell(&last, "class_id"), cell(&last, "track")), (&Field::Null, &Field::Null));
    assert_eq!(long(cell(&last, "frame")), 3);
    let lines = std::fs::read_to_string(out(ResultFormat::Jsonl)).unwrap();
    assert_eq!(lines.lines().count(), 9);
    let refused =
        export(&[one.clone(), two.clone()], &Export { format: ResultFormat::Mot, track: false }, &bench.path("m"));
    assert_eq!(refused.unwrap_err().code(), "invalid_option");
    assert!(!bench.path("m").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_is_given_up_leaves_no_file() {
    let Some(bench) = Bench::starter().await else { return };
    let journal = bench.path("journal.jsonl");
    bench.go_on(&starter("samples/street.mp4"), &first(3), &journal).await.unwrap();
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    for format in ResultFormat::ALL {
        let out = bench.path("given-up");
        assert!(
            !export_unless(std::slice::from_ref(&journal), &Export { format, track: true }, &out, &cancelled).unwrap()
        );
        let error = export(&[bench.path("none")], &Export { format, track: false }, &out).unwrap_err();
        assert_eq!(error.code(), "journal_unreadable");
        let full = export(std::slice::from_ref(&journal), &Export { format, track: false }, Path::new("/dev/full"))
            .unwrap_err();
        assert_eq!(full.code(), "storage_full", "{format:?}");
    }
    assert_eq!(std::fs::read_dir(bench.folder.path()).unwrap().count(), 1, "the journal alone");
    assert_eq!(facts(&journal).len(), 5);
}

/// For `tools/reference/exports.py`, which reads them as their users do.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes every format to $SAMOVAR_EXPORTS for tools/reference/exports.py"]
async fn every_format_for_who_reads_it_elsewhere() {
    let Some(bench) = Bench::starter().await else { return };
    let folder = std::path::PathBuf::from(std::env::var_os("SAMOVAR_EXPORTS").unwrap());
    let journal = bench.path("journal.jsonl");
    bench.go_on(&starter("samples/street.mp4"), &first(60), &journal).await.unwrap();
    for format in ResultFormat::ALL {
        let out = folder.join(format!("street.{}", format.extension()));
        export(std::slice::from_ref(&journal), &Export { format, track: true }, &out).unwrap();
    }
}
