//! `POST /v1/pose` on the model that ships with Samovar.

use crate::client::{post, post_with};
use crate::house::{House, options};
use crate::street::{starter, watched};
use samovar_media::{ImageHeader, ImageLimits};
use samovar_server::ServerLimits;

#[tokio::test(flavor = "multi_thread")]
async fn people_have_seventeen_named_key_points_inside_their_boxes() {
    let house = watched(options()).await;
    let still = std::fs::read(starter("samples/still-1.jpg")).unwrap();
    let answer = post(house.address, "/v1/pose", &still).await.json();
    assert_eq!((&answer["model"], &answer["keypoint_names"][0]), (&"starter-pose".into(), &"nose".into()), "{answer}");
    let persons = answer["persons"].as_array().unwrap();
    assert!(!persons.is_empty(), "{answer}");
    for person in persons {
        let side = |index: usize| person["box"][index].as_f64().unwrap();
        let points: Vec<Vec<f64>> = serde_json::from_value(person["keypoints"].clone()).unwrap();
        assert_eq!(points.len(), 17);
        let sure = points.iter().filter(|point| point[2] > 0.5);
        let margin = (side(2) - side(0)).max(side(3) - side(1)) * 0.2;
        for point in sure {
            let inside = (side(0) - margin..side(2) + margin).contains(&point[0])
                && (side(1) - margin..side(3) + margin).contains(&point[1]);
            assert!(inside, "{point:?} of {person}");
        }
    }
    let sure = post(house.address, "/v1/pose?score_min=0.5&detections_max=1&classes=person", &still).await.json();
    assert_eq!(sure["persons"][0], persons[0]);
    assert_eq!(sure["persons"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_may_be_the_picture_with_skeletons() {
    let house = watched(options()).await;
    let still = std::fs::read(starter("samples/still-1.jpg")).unwrap();
    let drawn = post_with(house.address, "/v1/pose", "accept: image/jpeg\r\n", &still).await;
    assert_eq!((drawn.status, drawn.header("content-type")), (200, Some("image/jpeg")));
    let size = |bytes: &[u8]| ImageHeader::read(bytes, &ImageLimits::default()).unwrap().oriented_size();
    assert_eq!(size(&drawn.body), size(&still));
    assert_eq!(drawn.header("x-samovar-model"), Some("starter-pose"));
    assert_ne!(drawn.body, still);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_told() {
    let house = watched(options()).await;
    let still = std::fs::read(starter("samples/still-1.jpg")).unwrap();
    for (query, status, code) in [
        ("?model=starter-stg-nf", 400, "wrong_family"),
        ("?model=unicorn", 404, "model_not_found"),
        ("?weight=2", 400, "invalid_query"),
        ("?score_min=2", 400, "invalid_option"),
        ("?classes=cat", 400, "unknown_class"),
    ] {
        let answer = post(house.address, &format!("/v1/pose{query}"), &still).await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &code.into()), "{query}");
    }
    let house = House::fake(ServerLimits::default()).await;
    let answer = post(house.address, "/v1/pose", &still).await;
    assert_eq!((answer.status, &answer.json()["code"]), (400, &"model_required".into()), "a detector is no pose model");
}
