//! Kinds of questions, which the server answers at once: nothing is stored.

use super::{NO_RULES, core_kind, created, name};
use crate::field::TypeDescriptor;
use crate::kind::{Kind, Rules, Verb};
use crate::types::{authentication, authorization};
use crate::{default, validate};

pub(super) fn self_subject_review() -> Kind {
    Kind {
        plural: "selfsubjectreviews".into(),
        singular: "selfsubjectreview".into(),
        storage: (AUTHENTICATION.into(), "selfsubjectreviews".into()),
        ..review(AUTHENTICATION, "SelfSubjectReview", &authentication::SELF_SUBJECT_REVIEW)
    }
}

pub(super) fn token_review() -> Kind {
    Kind {
        plural: "tokenreviews".into(),
        singular: "tokenreview".into(),
        storage: (AUTHENTICATION.into(), "tokenreviews".into()),
        ..review(AUTHENTICATION, "TokenReview", &authentication::TOKEN_REVIEW)
    }
}

pub(super) fn token_request() -> Kind {
    Kind {
        plural: "tokenrequests".into(),
        singular: "tokenrequest".into(),
        namespaced: true,
        storage: (AUTHENTICATION.into(), "tokenrequests".into()),
        rules: &Rules {
            default: default::certificate::token_request,
            validate: validate::review::token_request,
            ..NO_RULES
        },
        ..review(AUTHENTICATION, "TokenRequest", &authentication::TOKEN_REQUEST)
    }
}

pub(super) fn local_subject_access_review() -> Kind {
    Kind {
        plural: "localsubjectaccessreviews".into(),
        singular: "localsubjectaccessreview".into(),
        namespaced: true,
        storage: (AUTHORIZATION.into(), "localsubjectaccessreviews".into()),
        rules: &Rules { validate: validate::review::local_subject_access, ..NO_RULES },
        ..review(AUTHORIZATION, "LocalSubjectAccessReview", &authorization::LOCAL_SUBJECT_ACCESS_REVIEW)
    }
}

pub(super) fn self_subject_access_review() -> Kind {
    Kind {
        plural: "selfsubjectaccessreviews".into(),
        singular: "selfsubjectaccessreview".into(),
        storage: (AUTHORIZATION.into(), "selfsubjectaccessreviews".into()),
        rules: &Rules { validate: validate::review::self_subject_access, ..NO_RULES },
        ..review(AUTHORIZATION, "SelfSubjectAccessReview", &authorization::SELF_SUBJECT_ACCESS_REVIEW)
    }
}

pub(super) fn self_subject_rules_review() -> Kind {
    Kind {
        plural: "selfsubjectrulesreviews".into(),
        singular: "selfsubjectrulesreview".into(),
        storage: (AUTHORIZATION.into(), "selfsubjectrulesreviews".into()),
        ..review(AUTHORIZATION, "SelfSubjectRulesReview", &authorization::SELF_SUBJECT_RULES_REVIEW)
    }
}

pub(super) fn subject_access_review() -> Kind {
    Kind {
        plural: "subjectaccessreviews".into(),
        singular: "subjectaccessreview".into(),
        storage: (AUTHORIZATION.into(), "subjectaccessreviews".into()),
        rules: &Rules { validate: validate::review::subject_access, ..NO_RULES },
        ..review(AUTHORIZATION, "SubjectAccessReview", &authorization::SUBJECT_ACCESS_REVIEW)
    }
}

fn review(group: &'static str, kind: &'static str, object: &'static TypeDescriptor) -> Kind {
    Kind {
        group: group.into(),
        namespaced: false,
        verbs: &[Verb::Create],
        columns: vec![name(), created()],
        strategic_patch: false,
        ..core_kind(kind, object)
    }
}

const AUTHENTICATION: &str = "authentication.k8s.io";
const AUTHORIZATION: &str = "authorization.k8s.io";
