//! Patterns for names: "*" stands for any text, and "?" for one character.

/// A pattern.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pattern(Vec<char>);

impl Pattern {
    pub(crate) fn new(text: &str) -> Pattern {
        Pattern(text.chars().collect())
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut at, mut in_text) = (0, 0);
        // The place to go on from if the text after the last "*" does not match: "*" takes one character more.
        let mut retry = None;
        while in_text < text.len() {
            match self.0.get(at) {
                Some('*') => {
                    retry = Some((at + 1, in_text));
                    at += 1;
                }
                Some(c) if *c == '?' || *c == text[in_text] => {
                    at += 1;
                    in_text += 1;
                }
                _ => {
                    let Some((after, taken)) = retry else {
                        return false;
                    };
                    retry = Some((after, taken + 1));
                    (at, in_text) = (after, taken + 1);
                }
            }
        }
        self.0[at..].iter().all(|c| *c == '*')
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn patterns_match_whole_names() {
        let matches = |pattern: &str, text: &str| Pattern::new(pattern).matches(text);
        assert!(matches("/imu", "/imu") && !matches("/imu", "/imu2") && !matches("/imu2", "/imu"));
        assert!(matches("/*", "/imu") && matches("/i*u", "/iu") && matches("/i*u*", "/imuuz"));
        assert!(matches("/?mu", "/imu") && !matches("/?mu", "/mu") && matches("*", ""));
        assert!(matches("/*a*b", "/xaaxbab") && !matches("/*a*b", "/xaaxba"));
    }
}
