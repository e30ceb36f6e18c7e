//! What went wrong with `IPsec` packets, `/proc/net/xfrm_stat`.

use watchpost_model::MetricType::Counter;
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, KeptFile, text};

/// The collector's line in the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "xfrm",
    help: "What went wrong with IPsec packets.",
    default_on: false,
    flags: &[],
    new: |settings| {
        let file = KeptFile::new(settings.paths.procfs.join("net/xfrm_stat"));
        Box::new(Xfrm { file })
    },
};

/// The first word of a line, and the family of the number behind it.
#[rustfmt::skip]
const FAMILIES: [(&str, &str, &str); 28] = [
    ("XfrmInError", "node_xfrm_in_error_packets_total", "All errors not matched by other"),
    ("XfrmInBufferError", "node_xfrm_in_buffer_error_packets_total", "No buffer is left"),
    ("XfrmInHdrError", "node_xfrm_in_hdr_error_packets_total", "Header error"),
    ("XfrmInNoStates", "node_xfrm_in_no_states_packets_total", "No state is found i.e. Either inbound SPI, address, or IPsec protocol at SA is wrong"),
    ("XfrmInStateProtoError", "node_xfrm_in_state_proto_error_packets_total", "Transformation protocol specific error e.g. SA key is wrong"),
    ("XfrmInStateModeError", "node_xfrm_in_state_mode_error_packets_total", "Transformation mode specific error"),
    ("XfrmInStateSeqError", "node_xfrm_in_state_seq_error_packets_total", "Sequence error i.e. Sequence number is out of window"),
    ("XfrmInStateExpired", "node_xfrm_in_state_expired_packets_total", "State is expired"),
    ("XfrmInStateMismatch", "node_xfrm_in_state_mismatch_packets_total", "State has mismatch option e.g. UDP encapsulation type is mismatch"),
    ("XfrmInStateInvalid", "node_xfrm_in_state_invalid_packets_total", "State is invalid"),
    ("XfrmInTmplMismatch", "node_xfrm_in_tmpl_mismatch_packets_total", "No matching template for states e.g. Inbound SAs are correct but SP rule is wrong"),
    ("XfrmInNoPols", "node_xfrm_in_no_pols_packets_total", "No policy is found for states e.g. Inbound SAs are correct but no SP is found"),
    ("XfrmInPolBlock", "node_xfrm_in_pol_block_packets_total", "Policy discards"),
    ("XfrmInPolError", "node_xfrm_in_pol_error_packets_total", "Policy error"),
    ("XfrmOutError", "node_xfrm_out_error_packets_total", "All errors which is not matched others"),
    ("XfrmOutBundleGenError", "node_xfrm_out_bundle_gen_error_packets_total", "Bundle generation error"),
    ("XfrmOutBundleCheckError", "node_xfrm_out_bundle_check_error_packets_total", "Bundle check error"),
    ("XfrmOutNoStates", "node_xfrm_out_no_states_packets_total", "No state is found"),
    ("XfrmOutStateProtoError", "node_xfrm_out_state_proto_error_packets_total", "Transformation protocol specific error"),
    ("XfrmOutStateModeError", "node_xfrm_out_state_mode_error_packets_total", "Transformation mode specific error"),
    ("XfrmOutStateSeqError", "node_xfrm_out_state_seq_error_packets_total", "Sequence error i.e. Sequence number overflow"),
    ("XfrmOutStateExpired", "node_xfrm_out_state_expired_packets_total", "State is expired"),
    ("XfrmOutPolBlock", "node_xfrm_out_pol_block_packets_total", "Policy discards"),
    ("XfrmOutPolDead", "node_xfrm_out_pol_dead_packets_total", "Policy is dead"),
    ("XfrmOutPolError", "node_xfrm_out_pol_error_packets_total", "Policy error"),
    ("XfrmFwdHdrError", "node_xfrm_fwd_hdr_error_packets_total", "Forward routing of a packet is not allowed"),
    ("XfrmOutStateInvalid", "node_xfrm_out_state_invalid_packets_total", "State is invalid, perhaps expired"),
    ("XfrmAcquireError", "node_xfrm_acquire_error_packets_total", "State hasn\u{2019}t been fully acquired before use"),
];

struct Xfrm {
    file: KeptFile,
}

impl Collector for Xfrm {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let none = |error: CollectError| error.or_no_data("the kernel counts no IPsec errors");
        self.file.read().map_err(none)?;
        for line in text::ended_lines(&self.file.ended()) {
            let fault = || self.file.fault("a name and an integer", line);
            write(line, page).ok_or_else(fault)?;
        }
        Ok(())
    }
}

/// Names that newer kernels add have no family.
fn write(line: &[u8], page: &mut Page) -> Option<()> {
    let mut words = text::words(line);
    let key = words.next()?;
    let value = words.next().filter(|word| text::is_integer(word))?;
    let found = FAMILIES.iter().find(|family| family.0.as_bytes() == key);
    if let Some((_, name, help)) = found {
        page.family(name, help, Counter);
        page.series("").digits(value);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_family_and_an_unknown_one_is_left_out() {
        let mut page = Page::new();
        for line in [
            "XfrmInError             \t7",
            "XfrmInStateDirError     \t8",
            "XfrmAcquireError        \t18446744073709551615",
        ] {
            write(line.as_bytes(), &mut page).unwrap();
        }
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        let values: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            values,
            [
                "node_xfrm_in_error_packets_total 7",
                "node_xfrm_acquire_error_packets_total 18446744073709551615",
            ]
        );
    }

    #[test]
    fn a_cut_text_gives_no_other_number() {
        let text = "XfrmInError             \t12\nXfrmAcquireError        \t345\n";
        let told = |text: &str| {
            let mut page = Page::new();
            for line in text::ended_lines(text.as_bytes()) {
                write(line, &mut page).unwrap();
            }
            String::from_utf8(page.finish().to_vec()).unwrap()
        };
        for end in 0..text.len() {
            assert!(
                told(text).starts_with(&told(text.get(..end).unwrap())),
                "{end}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_do_not_panic(line: Vec<u8>) {
            write(&line, &mut Page::new());
        }
    }

    #[test]
    fn a_line_without_a_number_is_told() {
        for bad in ["XfrmInError", "XfrmInError -1", "XfrmInError x"] {
            assert!(write(bad.as_bytes(), &mut Page::new()).is_none(), "{bad}");
        }
    }
}
