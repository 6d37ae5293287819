use super::{Quantity, canonical};
use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};

#[test]
fn amounts_are_written_as_upstream_writes_them() {
    // What k8s.io/apimachinery v0.36 makes of each.
    for (text, want) in WRITTEN {
        assert_eq!(canonical(text).as_deref(), Ok(*want), "{text}");
    }
}

#[test]
fn what_is_no_amount_is_refused_in_upstreams_words() {
    let syntax = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    for text in ["", "1 Gi", "1Gi!", "a", "1.1.1", "١"] {
        assert_eq!(canonical(text), Err(syntax), "{text}");
    }
    for text in ["1mm", "1kg1", "1KiB", "--1", "1Ki1", "1e", "1e1e1"] {
        assert!(canonical(text).is_err(), "{text}");
    }
    assert_eq!(canonical("1K"), Err("unable to parse quantity's suffix"));
    for text in ["1e40", "1e2147483647", "99999999999999999999999999999999999999999"] {
        assert_eq!(canonical(text), Err("unable to parse numeric part of quantity"), "{text}");
    }
    assert_eq!(canonical("1e-2147483648").as_deref(), Ok("1e-9"));
}

#[test]
fn amounts_add_up_and_compare_whatever_their_units() {
    let of = |text| Quantity::parse(text).unwrap();
    assert_eq!(of("1Gi").plus(of("1G")).unwrap().to_string(), "2073741824");
    assert_eq!(of("0").plus(of("1Ki")).unwrap().to_string(), "1Ki");
    assert_eq!(of("0").plus(of("2Ki")).unwrap().to_string(), "2Ki");
    assert_eq!(of("1").minus(of("1500m")).unwrap().to_string(), "-500m");
    assert!(of("1Ki") > of("1k") && of("1000m") == of("1") && of("-1").is_negative());
    assert!(of("1").is_whole() && !of("1m").is_whole() && of("3e3").is_whole() && !of("1n").is_whole());
    assert!((of("1500m").as_f64() - 1.5).abs() < f64::EPSILON);
    assert_eq!(of("1234567n").rounded_to_millis().to_string(), "2m");
    assert_eq!(of("-1234567n").rounded_to_millis().to_string(), "-2m");
    assert_eq!(of("2m").rounded_to_millis().to_string(), "2m");
    assert_eq!(Quantity::whole(5).to_string(), "5");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn canonical_form_is_stable_and_the_same_amount(text in "[+-]?[0-9]{0,22}(\\.[0-9]{0,14})?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|e[0-9]|E-[0-9])?") {
        if let Ok(first) = canonical(&text) {
            let again = canonical(&first);
            prop_assert_eq!(again.as_ref(), Ok(&first), "{}", text);
            prop_assert_eq!(Quantity::parse(&text).unwrap(), Quantity::parse(&first).unwrap(), "{} {}", text, first);
        }
    }

    #[test]
    fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,40}|[-+0-9.eEKi]{0,60}") {
        drop(canonical(&text));
    }
}

const WRITTEN: &[(&str, &str)] = &[
    ("0", "0"),
    ("00", "0"),
    ("-0", "0"),
    ("0.0", "0"),
    ("5", "5"),
    ("+5", "+5"),
    ("-5", "-5"),
    ("1000", "1k"),
    ("1001", "1001"),
    ("100000", "100k"),
    ("1.5", "1500m"),
    ("0.5", "500m"),
    ("0.500", "500m"),
    (".5", "500m"),
    ("5.", "5."),
    ("1.000", "1"),
    ("12.340", "12.340"),
    ("1234.5678", "1234567800u"),
    ("0.001", "1m"),
    ("1m", "1m"),
    ("1500m", "1500m"),
    ("1000m", "1"),
    ("100u", "100u"),
    ("1n", "1n"),
    ("0.1n", "1n"),
    ("0.0000000001", "1n"),
    ("1.0000000001", "1000000001n"),
    ("-1.0000000001", "-1000000001n"),
    ("1k", "1k"),
    ("1024", "1024"),
    ("1Ki", "1Ki"),
    ("0001Ki", "0001Ki"),
    ("8Ki", "8Ki"),
    ("1024Ki", "1Mi"),
    ("1025Mi", "1025Mi"),
    ("1.5Gi", "1536Mi"),
    ("0.5Ki", "512"),
    ("0.1Ki", "102400m"),
    ("1.1Ki", "1126400m"),
    ("0.3Mi", "314572800m"),
    ("1023", "1023"),
    ("2048", "2048"),
    ("16Ei", "9223372036854775807"),
    ("9Ei", "9223372036854775807"),
    ("100Ei", "9223372036854775807"),
    ("7Ei", "7Ei"),
    ("1E", "1E"),
    ("12E", "12E"),
    ("5e3", "5e3"),
    ("5E3", "5E3"),
    ("1e3", "1e3"),
    ("1.5e3", "1500"),
    ("1e-3", "1e-3"),
    ("5e-1", "500e-3"),
    ("5e20", "500e18"),
    ("12e6", "12e6"),
    ("1e0", "1e0"),
    ("100e1", "1e3"),
    ("3e10", "30e9"),
    ("-1Ki", "-1Ki"),
    ("-8Ki", "-8Ki"),
    ("-0.5", "-500m"),
    ("123456789012345678", "123456789012345678"),
    ("1234567890123456789", "1234567890123456789"),
    ("12345678901234567890", "12345678901234567890"),
    ("1000000000000000000", "1E"),
    ("10000000000000000000Ki", "9223372036854775807"),
    ("18k", "18k"),
    ("18000k", "18M"),
    ("99999999999999999m", "99999999999999999m"),
    ("0.9Ki", "921600m"),
    ("1.0Ki", "1Ki"),
    ("1.00Mi", "1Mi"),
    ("4096Mi", "4Gi"),
    ("1000Ki", "1000Ki"),
    ("1024Gi", "1Ti"),
    ("3.0Gi", "3Gi"),
];
