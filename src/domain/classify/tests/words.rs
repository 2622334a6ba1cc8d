//! What a sentence means, and when its words win over a code.

use super::*;

/// A meaning is all of its patterns in one sentence, in any order, and not what its exceptions say.
#[test]
fn an_operators_file_can_say_what_a_sentence_means() {
    let classifier = with(
        r#"
        [terms]
        tea = 'tea|chai'

        [[rule]]
        id = "mine"
        class = "risk"
        source = "s"
        says = '\b<tea>\b & \bcold\b'
        unless = '\bnot (?:so )?cold\b'
        over = "funds"
        "#,
    )
    .unwrap();
    let class = |codes: &[(&str, &str)], message: &str| {
        classifier.classify(&signals(codes, &[message])).class
    };
    assert_eq!(class(&[], "It's COLD, your chai!"), Class::Risk);
    assert_eq!(class(&[("code", "cold_tea")], "nothing"), Class::Risk);
    assert_eq!(
        class(&[], "The tea is here. Outside it is cold."),
        Class::Unmapped
    );
    assert_eq!(class(&[], "The tea isn't so cold"), Class::Unmapped);
}

/// What is said is stronger than a code of the same file only for the classes that the rule names.
#[test]
fn words_win_over_a_code_of_the_classes_that_their_rule_names() {
    let classifier = |over: &str| {
        with(&format!(
            "[[rule]]\nid = \"code\"\nclass = \"funds\"\nsource = \"s\"\ncode = \"A\"\n\n\
             [[rule]]\nid = \"words\"\nclass = \"in_flight\"\nsource = \"s\"\nsays = \"gone\"\n{over}\n"
        ))
        .unwrap()
    };
    let class = |over: &str, messages: &[&str]| {
        classifier(over)
            .classify(&signals(&[("code", "A")], messages))
            .class
    };
    assert_eq!(class("", &["it is gone"]), Class::Funds);
    assert_eq!(class("over = \"transient\"", &["it is gone"]), Class::Funds);
    assert_eq!(
        class("over = [\"risk\", \"funds\"]", &["it is gone"]),
        Class::InFlight
    );
    assert_eq!(class("over = \"funds\"", &["it is here"]), Class::Funds);
}
