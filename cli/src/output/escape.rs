//! Escaping characters that can mislead the reader of a text.
//!
//! Ids and error descriptions come from the network. A control character can send a command to the
//! terminal, a bidirectional control reverses the text around it, and an invisible character makes
//! two different ids look equal. The console has the same rule in `console/src/escape.ts`.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, GeneralCategory},
};

/// Returns true for control characters, format characters such as bidirectional controls, line and
/// paragraph separators, and characters that Unicode lists as default-ignorable.
fn is_hidden(character: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(character);
    matches!(
        category,
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    ) || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
}

/// Returns true if the text contains a character that [`escape`] replaces.
pub(crate) fn has_hidden_characters(text: &str) -> bool {
    text.chars().any(is_hidden)
}

/// Returns the text with each hidden character, including line breaks, as `\u{202e}`.
pub(crate) fn escape(text: &str) -> String {
    replace_hidden(text, |escaped, character| {
        escaped.extend(character.escape_unicode());
    })
}

/// Like [`escape`], but keeps line feeds.
pub(crate) fn escape_lines(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}

/// Returns JSON text on one line, with each hidden character in a string as `\u202e`. The value
/// stays the same.
pub(crate) fn escape_json(json: &str) -> String {
    replace_hidden(json, |escaped, character| {
        // Between tokens, JSON allows these as white space. In a string it does not.
        if matches!(character, '\t' | '\n' | '\r') {
            escaped.push(' ');
            return;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            escaped.push_str(&format!("\\u{unit:04x}"));
        }
    })
}

fn replace_hidden(text: &str, replace: impl Fn(&mut String, char)) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            replace(&mut escaped, character);
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_bidirectional_controls_and_invisible_characters_are_escaped() {
        for (text, escaped) in [
            (
                "auth0|\u{1b}[2Jx\n\u{9b}1m\u{7f}",
                r"auth0|\u{1b}[2Jx\u{a}\u{9b}1m\u{7f}",
            ),
            ("\u{202e}enaj|0htua\u{2066}", r"\u{202e}enaj|0htua\u{2066}"),
            (
                "a\u{200b}\u{200d}\u{feff}\u{ad}",
                r"a\u{200b}\u{200d}\u{feff}\u{ad}",
            ),
            ("a\u{2028}\u{2029}", r"a\u{2028}\u{2029}"),
            // The Hangul filler is a letter, and this variation selector is a mark.
            ("a\u{3164}\u{fe0f}\u{e0041}", r"a\u{3164}\u{fe0f}\u{e0041}"),
        ] {
            assert_eq!(escape(text), escaped);
            assert!(has_hidden_characters(text));
        }
    }

    #[test]
    fn visible_text_of_every_language_is_unchanged() {
        for text in [
            "auth0|jané",
            "auth0|jane\u{301}",
            "हिन्दी ไทย 日本語 العربية",
            r"a\b 'c' 😀",
        ] {
            assert_eq!(escape(text), text);
            assert_eq!(escape_json(text), text);
            assert!(!has_hidden_characters(text));
        }
    }

    #[test]
    fn escaped_json_has_the_same_value_on_one_line() {
        let json = "{\"a\":\r\n\t\"\u{202e}\u{9b}\u{7f}\u{e0041}é\\n\"}";
        let escaped = escape_json(json);
        assert_eq!(escaped, r#"{"a":   "\u202e\u009b\u007f\udb40\udc41é\n"}"#);
        let value = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(value(&escaped), value(json));
    }

    #[test]
    fn line_feeds_stay_and_other_line_breaks_are_escaped() {
        assert_eq!(escape_lines("a\u{1b}\nb\u{85}c"), "a\\u{1b}\nb\\u{85}c");
    }
}
