//! Which graphs are taken for towers of CLIP and SigLIP, and what those hear that are not.

use samovar_engine_api::{Dim, ElementType, Port, Signature};
use samovar_models::{FamilyHints, FamilyKind, recognise};
use serde_json::{Value, json};
use std::path::Path;

const CONFIGURED: Option<FamilyKind> = Some(FamilyKind::ImageTextEmbedding);

/// `0` stands for a dynamic axis.
fn port(name: &str, element: ElementType, dims: &[usize]) -> Port {
    let dim = |size: &usize| if *size == 0 { Dim::Dynamic(None) } else { Dim::Fixed(*size) };
    Port { name: name.to_owned(), element, dims: dims.iter().map(dim).collect() }
}

fn pictures(dims: &[usize]) -> Port {
    port("pixel_values", ElementType::F32, dims)
}

fn tokens(name: &str) -> Port {
    port(name, ElementType::I64, &[0, 0])
}

fn vectors(name: &str) -> Port {
    port(name, ElementType::F32, &[0, 512])
}

fn family(
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    family: Option<FamilyKind>,
    files: &[(&str, Value)],
) -> Result<&'static str, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content.to_string()).unwrap();
    }
    let assets = Some(folder.path().to_owned());
    let signature = Signature { inputs, outputs, ..Signature::default() };
    let hints = FamilyHints { family, assets, ..FamilyHints::default() };
    recognise(&signature, &hints).map(|family| family.name()).map_err(|error| error.0)
}

#[test]
fn a_tower_for_pictures_is_known_by_its_vectors_or_by_its_files() {
    let fixed = || vec![pictures(&[0, 3, 224, 224])];
    let named = || vec![vectors("image_embeds")];
    let pooled = || vec![port("last_hidden_state", ElementType::F32, &[0, 197, 768]), vectors("pooler_output")];
    let siglip = [("config.json", json!({"model_type": "siglip"}))];
    assert_eq!(family(fixed(), named(), None, &[]).unwrap(), "image-text-embedding");
    assert_eq!(family(fixed(), pooled(), None, &siglip).unwrap(), "image-text-embedding");
    assert_eq!(family(fixed(), pooled(), CONFIGURED, &[]).unwrap(), "image-text-embedding");
    assert!(family(fixed(), pooled(), None, &[]).is_err(), "any ViT has such outputs");
    let clip = [("config.json", json!({"model_type": "clip"}))];
    let refused = family(fixed(), pooled(), CONFIGURED, &clip).unwrap_err();
    assert!(refused.contains("not projected") && refused.contains("image_embeds"), "{refused}");
}

#[test]
fn an_open_size_is_that_of_the_files() {
    let open = || vec![pictures(&[0, 0, 0, 0])];
    let named = || vec![vectors("image_embeds")];
    let refused = family(open(), named(), CONFIGURED, &[]).unwrap_err();
    assert!(refused.contains("preprocessor_config.json"), "{refused}");
    for file in [
        ("preprocessor_config.json", json!({"size": {"shortest_edge": 224}})),
        ("processor_config.json", json!({"image_processor": {"size": 224, "crop_size": 224}})),
        ("config.json", json!({"model_type": "clip", "vision_config": {"image_size": 224}})),
        ("config.json", json!({"model_type": "siglip_vision_model", "image_size": 384})),
    ] {
        assert_eq!(family(open(), named(), None, &[file]).unwrap(), "image-text-embedding");
    }
    let other = [("preprocessor_config.json", json!({"size": {"shortest_edge": 336}}))];
    let refused = family(vec![pictures(&[0, 3, 224, 224])], named(), None, &other);
    assert!(refused.is_err(), "the file of another checkpoint");
}

#[test]
fn both_towers_in_one_graph_are_refused_with_the_way_to_part_them() {
    let merged = || vec![tokens("input_ids"), pictures(&[0, 0, 0, 0]), tokens("attention_mask")];
    let outputs = || vec![vectors("logits_per_image"), vectors("text_embeds"), vectors("image_embeds")];
    for configured in [None, CONFIGURED] {
        let refused = family(merged(), outputs(), configured, &[]).unwrap_err();
        assert!(refused.contains("export_towers.py"), "{refused}");
    }
}

#[test]
fn a_tower_for_texts_needs_its_tokenizer_and_no_other_inputs() {
    let named = || vec![vectors("text_embeds")];
    let refused = family(vec![tokens("input_ids")], named(), CONFIGURED, &[]).unwrap_err();
    assert!(refused.contains("tokenizer.json"), "{refused}");
    let bert = vec![tokens("input_ids"), tokens("attention_mask"), tokens("token_type_ids")];
    let refused = family(bert, named(), CONFIGURED, &[]).unwrap_err();
    assert!(refused.contains("token_type_ids"), "{refused}");
    let refused = family(vec![vectors("x")], named(), CONFIGURED, &[]).unwrap_err();
    assert!(refused.contains("neither tower"), "{refused}");
}

#[test]
fn a_tokenizer_of_another_checkpoint_is_found_out() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/image_text/clip/tokenizer.json");
    let tokenizer: Value = serde_json::from_slice(&std::fs::read(fixture).unwrap()).unwrap();
    let config = |size: usize| json!({"model_type": "clip", "text_config": {"vocab_size": size}});
    let load = |size| {
        let files = [("tokenizer.json", tokenizer.clone()), ("config.json", config(size))];
        family(vec![tokens("input_ids")], vec![vectors("text_embeds")], None, &files)
    };
    assert_eq!(load(49_408).unwrap(), "image-text-embedding");
    assert!(load(100).is_err());
}
