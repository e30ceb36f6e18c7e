//! `openapi.yaml`: what is served, for programs. A test compares it with the table of routes.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::{Error, Params};

/// The description, in `OpenAPI` 3.1.
const OPENAPI: &str = include_str!("openapi.yaml");

pub(super) async fn openapi(params: Params) -> Result<Response, Error> {
    match params.get("openapi_version") {
        "" | "3.1" => {
            Ok(([(CONTENT_TYPE, "application/yaml; charset=utf-8")], OPENAPI).into_response())
        }
        other => Err(Error::parameter(
            "openapi_version",
            format_args!("expected 3.1, found {other:?}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The paths of the table of routes, as its source has them.
    fn routes() -> BTreeSet<String> {
        let source = include_str!("mod.rs");
        let after = source.split(".route(").skip(1);
        let paths = after.map(|text| text.split('"').nth(1).unwrap());
        let whole = |path: &str| {
            if path.starts_with("/-/") || matches!(path, "/federate" | "/metrics") {
                path.to_owned()
            } else {
                format!("/api/v1{path}")
            }
        };
        paths.map(whole).collect()
    }

    #[test]
    fn all_routes_are_described_and_no_others() {
        let described: serde_yaml::Value = serde_yaml::from_str(OPENAPI).unwrap();
        let paths = described["paths"].as_mapping().unwrap();
        let described: BTreeSet<String> = paths
            .keys()
            .map(|path| path.as_str().unwrap().to_owned())
            .collect();
        assert!(described.len() > 40);
        assert_eq!(described, routes());
    }

    #[test]
    fn all_references_lead_somewhere() {
        let described: serde_yaml::Value = serde_yaml::from_str(OPENAPI).unwrap();
        let references: BTreeSet<&str> = OPENAPI
            .split("'#/components/")
            .skip(1)
            .map(|text| text.split('\'').next().unwrap())
            .collect();
        assert!(references.len() > 20);
        for reference in references {
            let (kind, name) = reference.split_once('/').unwrap();
            assert!(
                !described["components"][kind][name].is_null(),
                "{reference}"
            );
        }
    }
}
