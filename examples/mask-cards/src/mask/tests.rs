//! A table of what is and is not a card number, and properties over any text.

use proptest::prelude::*;

use super::*;

fn apply(text: &str) -> Cow<'_, str> {
    CardMask::new('*', 4).apply(text)
}

#[test]
fn card_numbers_are_masked() {
    let cases = [
        ("4111111111111111", "************1111"),
        ("4111 1111 1111 1111", "**** **** **** 1111"),
        ("4111-1111-1111-1111", "****-****-****-1111"),
        ("3782 822463 10005", "**** ****** *0005"),
        ("4222222222222", "*********2222"),
        ("6304 0000 0000 0000 000", "**** **** **** ***0 000"),
        ("5019717010103742, paid", "************3742, paid"),
        ("pan=4111111111111111;", "pan=************1111;"),
        ("card4111111111111111x", "card************1111x"),
        ("2026-11-23 4111111111111111", "2026-11-23 ************1111"),
        ("42 4111 1111 1111 1111 43", "42 **** **** **** 1111 43"),
        // "... 1111 42" passes the check as well: rather too much than too little.
        ("42 4111 1111 1111 1111 42", "42 **** **** **** **11 42"),
        (
            "4111111111111111 and 5555555555554444",
            "************1111 and ************4444",
        ),
        ("Zürich 4111111111111111 €", "Zürich ************1111 €"),
        ("0000000000000", "*********0000"),
    ];
    for (text, masked) in cases {
        assert_eq!(apply(text), masked);
    }
}

#[test]
fn other_numbers_stay() {
    let cases = [
        "",
        "no digits",
        "4111111111111112",                     // fails the Luhn check
        "411111111111",                         // 12 digits
        "41111111111111111111",                 // 20 digits
        "4111  1111  1111  1111",               // two spaces
        "4111.1111.1111.1111",                  // an address, a version
        "0.4111111111111111",                   // a fraction
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",      // a column of digits
        "2026-11-23T10:20:30.123456789Z",       // a time
        "550e8400-e29b-41d4-a716-446655440000", // a UUID
        "+41 44 123 45 67, +41 44 765 43 21",   // telephones
        "٤١١١١١١١١١١١١١١١",                     // digits of another script
    ];
    for text in cases {
        assert!(
            matches!(apply(text), Cow::Borrowed(same) if same == text),
            "{text}"
        );
    }
}

#[test]
fn the_mask_and_the_digits_kept_are_the_configured_ones() {
    let card = "4111 1111 1111 1111";
    assert_eq!(CardMask::new('•', 0).apply(card), "•••• •••• •••• ••••");
    assert_eq!(CardMask::new('x', 12).apply(card), "xxxx 1111 1111 1111");
}

#[test]
fn digits_that_are_kept_do_not_make_another_card() {
    let behind = checked("111142222222").split_off(4);
    let masked = apply(&format!("4111111111111111 {behind}")).into_owned();
    assert_eq!(masked, format!("**************** *****{}", &behind[5..]));
}

/// Whether no window of groups in the text is a card number.
fn is_clean(text: &str) -> bool {
    let groups = groups(text.as_bytes());
    (0..groups.len()).all(|first| card(text.as_bytes(), &groups[first..]).is_none())
}

/// The number with its check digit.
fn checked(digits: &str) -> String {
    let with = |check| format!("{digits}{check}");
    (0..10)
        .map(with)
        .find(|number| luhn(number.as_bytes()))
        .unwrap()
}

/// Text in which card numbers, near misses and other digits stand close.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[0-9]{12,18}".prop_map(|digits| checked(&digits)),
        "[0-9]{1,22}",
        "[ -]",
        "[a-z .:ü]{1,4}",
    ];
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

/// A card number in groups.
fn grouped() -> impl Strategy<Value = String> {
    (
        "[0-9]{12,18}",
        3usize..20,
        prop_oneof![Just(" "), Just("-")],
    )
        .prop_map(|(digits, group, separator)| {
            let number = checked(&digits);
            let groups = number.as_bytes().chunks(group).map(String::from_utf8_lossy);
            groups.collect::<Vec<_>>().join(separator)
        })
}

proptest! {
    #[test]
    fn a_card_number_never_survives(text in text(), keep in 0usize..13, mask in "[^0-9]") {
        let mask = CardMask::new(mask.chars().next().unwrap(), keep);
        let masked = mask.apply(&text);
        prop_assert!(is_clean(&masked), "{}", masked);
        prop_assert_eq!(mask.apply(&masked), &*masked);
    }

    #[test]
    fn only_digits_of_cards_change(text in text()) {
        let masked = apply(&text);
        prop_assert_eq!(masked.len(), text.len());
        for (old, new) in text.chars().zip(masked.chars()) {
            prop_assert!(old == new || (old.is_ascii_digit() && new == '*'));
        }
        prop_assert_eq!(is_clean(&text), masked == text);
    }

    #[test]
    fn text_without_thirteen_digits_is_returned_as_it_is(text in "\\PC*") {
        if text.chars().filter(char::is_ascii_digit).count() < 13 {
            prop_assert!(matches!(apply(&text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn a_grouped_card_number_keeps_its_last_digits(number in grouped()) {
        let masked = apply(&number);
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        let kept: String = masked.chars().filter(char::is_ascii_digit).collect();
        prop_assert_eq!(kept, &digits[digits.len() - 4..]);
        prop_assert_eq!(masked.len(), number.len());
    }
}
