//! Questions to the authorizer: Kubernetes' `authz` libraries.

use std::fmt;
use std::sync::Arc;

use crate::budget::{EvalError, Meter};
use crate::interpret::Outcome;
use crate::name::{dns_label, dns_subdomain};
use crate::value::Value;
use crate::value::opaque::Opaque;

/// Answers whether somebody may do something. Given by whoever evaluates.
pub trait Authorizer: Send + Sync {
    /// Whether it may be done.
    fn authorize(&self, question: &Question) -> Decision;
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Who wants to do it: namespace and name of a service account; none is the user of the request.
    pub service_account: Option<(Box<str>, Box<str>)>,
    /// The verb.
    pub verb: Box<str>,
    /// To what.
    pub target: Target,
}

/// To what something is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A path that is no resource.
    Path(Box<str>),
    /// Resources. The version is any.
    Resource(ResourceTarget),
}

/// Resources. What is empty is not asked for: all names, all namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceTarget {
    /// API group.
    pub group: Box<str>,
    /// Name of the resource, in the plural.
    pub resource: Box<str>,
    /// Subresource.
    pub subresource: Box<str>,
    /// Namespace.
    pub namespace: Box<str>,
    /// Name of the object.
    pub name: Box<str>,
    /// As the expression has it; not checked.
    pub field_selector: Box<str>,
    /// As the expression has it; not checked.
    pub label_selector: Box<str>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Why.
    pub reason: Box<str>,
    /// What went wrong while it was decided.
    pub error: Option<Box<str>>,
}

/// Somebody, and who answers what he may do.
#[derive(Clone)]
pub struct Subject {
    authorizer: Arc<dyn Authorizer>,
    service_account: Option<(Box<str>, Box<str>)>,
}

/// A path that somebody may want to reach.
#[derive(Debug)]
pub struct PathCheck {
    subject: Arc<Subject>,
    path: Box<str>,
}

/// An API group that somebody may want to reach.
#[derive(Debug)]
pub struct GroupCheck {
    subject: Arc<Subject>,
    group: Box<str>,
}

/// Resources that somebody may want to reach.
#[derive(Clone, Debug)]
pub struct ResourceCheck {
    subject: Arc<Subject>,
    target: ResourceTarget,
}

impl fmt::Debug for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Subject").field("service_account", &self.service_account).finish_non_exhaustive()
    }
}

/// The variable `authorizer`.
pub fn variable(authorizer: Arc<dyn Authorizer>) -> Value<'static> {
    Value::Opaque(Opaque::Authorizer(Arc::new(Subject { authorizer, service_account: None })))
}

/// The variable `authorizer.requestResource`: a question about the resource of a request.
pub fn request_resource(authorizer: Arc<dyn Authorizer>, target: ResourceTarget) -> Value<'static> {
    let subject = Arc::new(Subject { authorizer, service_account: None });
    Value::Opaque(Opaque::ResourceCheck(Arc::new(ResourceCheck { subject, target })))
}

/// `path`
pub(crate) fn path<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::Opaque(Opaque::Authorizer(_)), Value::String(path)] if path.trim().is_empty() => {
            Err(EvalError::other("path must not be empty"))
        }
        [Value::Opaque(Opaque::Authorizer(subject)), Value::String(path)] => {
            let check = PathCheck { subject: Arc::clone(subject), path: (**path).into() };
            Ok(Value::Opaque(Opaque::PathCheck(Arc::new(check))))
        }
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `group`
pub(crate) fn group<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::Opaque(Opaque::Authorizer(subject)), Value::String(group)] => {
            let check = GroupCheck { subject: Arc::clone(subject), group: (**group).into() };
            Ok(Value::Opaque(Opaque::GroupCheck(Arc::new(check))))
        }
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `serviceAccount`
pub(crate) fn service_account<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::Opaque(Opaque::Authorizer(subject)), Value::String(namespace), Value::String(name)] => {
            if !dns_subdomain(name).is_empty() {
                return Err(EvalError::other("Invalid service account name"));
            }
            if !dns_label(namespace).is_empty() {
                return Err(EvalError::other("Invalid service account namespace"));
            }
            let service_account = Some(((**namespace).into(), (**name).into()));
            let subject = Subject { authorizer: Arc::clone(&subject.authorizer), service_account };
            Ok(Value::Opaque(Opaque::Authorizer(Arc::new(subject))))
        }
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `resource`
pub(crate) fn resource<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    match args {
        [Value::Opaque(Opaque::GroupCheck(_)), Value::String(resource)] if resource.trim().is_empty() => {
            Err(EvalError::other("resource must not be empty"))
        }
        [Value::Opaque(Opaque::GroupCheck(check)), Value::String(resource)] => {
            let target = ResourceTarget {
                group: check.group.clone(),
                resource: (**resource).into(),
                ..ResourceTarget::default()
            };
            let check = ResourceCheck { subject: Arc::clone(&check.subject), target };
            Ok(Value::Opaque(Opaque::ResourceCheck(Arc::new(check))))
        }
        _ => Err(EvalError::no_such_overload()),
    }
}

fn narrow<'a>(args: &[Value<'a>], set: impl Fn(&mut ResourceTarget, Box<str>)) -> Outcome<'a> {
    match args {
        [Value::Opaque(Opaque::ResourceCheck(check)), Value::String(text)] => {
            let mut check = (**check).clone();
            set(&mut check.target, (**text).into());
            Ok(Value::Opaque(Opaque::ResourceCheck(Arc::new(check))))
        }
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `subresource`
pub(crate) fn subresource<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    narrow(args, |target, text| target.subresource = text)
}

/// `namespace`
pub(crate) fn namespace<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    narrow(args, |target, text| target.namespace = text)
}

/// `name`
pub(crate) fn name<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    narrow(args, |target, text| target.name = text)
}

/// `fieldSelector`
pub(crate) fn field_selector<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    narrow(args, |target, text| target.field_selector = text)
}

/// `labelSelector`
pub(crate) fn label_selector<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    narrow(args, |target, text| target.label_selector = text)
}

/// `check`
pub(crate) fn check<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    let (subject, target, verb) = match args {
        [Value::Opaque(Opaque::PathCheck(check)), Value::String(verb)] => {
            (&check.subject, Target::Path(check.path.clone()), verb)
        }
        [Value::Opaque(Opaque::ResourceCheck(check)), Value::String(verb)] => {
            (&check.subject, Target::Resource(check.target.clone()), verb)
        }
        _ => return Err(EvalError::no_such_overload()),
    };
    let service_account = subject.service_account.clone();
    let decision = subject.authorizer.authorize(&Question { service_account, verb: (**verb).into(), target });
    Ok(Value::Opaque(Opaque::Decision(Arc::new(decision))))
}

fn decision<'v>(args: &'v [Value<'_>]) -> Result<&'v Decision, EvalError> {
    match args {
        [Value::Opaque(Opaque::Decision(decision))] => Ok(decision),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// `allowed`
pub(crate) fn allowed<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(Value::Bool(decision(args)?.allowed))
}

/// `reason`
pub(crate) fn reason<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(Value::string(&*decision(args)?.reason))
}

/// `errored`
pub(crate) fn errored<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(Value::Bool(decision(args)?.error.is_some()))
}

/// `error`
pub(crate) fn error<'a>(args: &[Value<'a>], _: &mut Meter<'_>) -> Outcome<'a> {
    Ok(Value::string(decision(args)?.error.as_deref().unwrap_or("")))
}
