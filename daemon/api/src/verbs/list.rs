//! GET of many objects: the newest, any, not older than, or exactly some state; whole or in pages.

use std::collections::VecDeque;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hanse_base::id::Revision;
use hanse_store::key::{Key, Scope};
use hanse_store::object::Object;
use hanse_store::state::State;
use http::StatusCode;

use crate::answer::Form;
use crate::body::{Answer, Body};
use crate::call::Call;
use crate::query::{ListOptions, RevisionMatch, WantedRevision};
use crate::selection::Selection;
use crate::status::Failure;
use crate::table::ListHead;
use crate::verbs::get;

/// One page of a list.
pub(crate) struct Page {
    pub(crate) head: ListHead,
    pub(crate) objects: Vec<(Key, Arc<Object>)>,
}

/// The list's bytes: the stored objects with commas between, never parsed for JSON clients.
pub(crate) async fn list(call: &Call<'_>) -> Result<Answer, Failure> {
    let form = Form::of(call)?;
    let options = ListOptions::parse(call.query, false)?;
    let selection = Selection::parse(call.kind, &options.label_selector, &options.field_selector)?;
    let page = page(call, &options, &selection).await?;
    answer(call, &form, &page).await
}

/// The answer with these objects.
pub(crate) async fn answer(call: &Call<'_>, form: &Form, page: &Page) -> Result<Answer, Failure> {
    let objects: Vec<&Arc<Object>> = page.objects.iter().map(|(_, object)| object).collect();
    let shown = call.view.all(&objects).await?;
    let pieces: VecDeque<_> = form.shaper.list(&page.head, shown.iter())?;
    form.shaped(StatusCode::OK, Body::pieces(pieces))
}

/// Finds the objects of a page.
pub(crate) async fn page(call: &Call<'_>, options: &ListOptions, selection: &Selection) -> Result<Page, Failure> {
    let scope = call.scope();
    let limit = if options.limit == 0 { usize::MAX } else { usize::try_from(options.limit).unwrap_or(usize::MAX) };
    let asked = Asked { scope: &scope, selection, limit, namespaced: call.kind.namespaced };
    if !options.continue_token.is_empty() {
        if matches!(options.revision, WantedRevision::Given(_)) {
            return Err(Failure::BadRequest(
                "specifying resource version is not allowed when using continue".to_owned(),
            ));
        }
        let token = Token::decode(&options.continue_token, &scope)?;
        return continued(call, &asked, token).await;
    }
    // A page of a given state is exactly that state, so that its other pages can be, too.
    let exact =
        options.revision_match == Some(RevisionMatch::Exact) || (options.revision_match.is_none() && options.limit > 0);
    let state = get::state(call, options.revision).await?;
    let at = match options.revision {
        WantedRevision::Given(revision) if exact => Revision(revision),
        _ => state.revision(),
    };
    asked
        .at(&state, at, None)
        .map_err(|Gone| Failure::Expired("The resourceVersion for the provided list is too old.".to_owned()))
}

async fn continued(call: &Call<'_>, asked: &Asked<'_>, token: Token) -> Result<Page, Failure> {
    let Some(revision) = token.revision else {
        let state = call.home.read().await?;
        let revision = state.revision();
        return asked
            .at(&state, revision, Some(&token))
            .map_err(|Gone| Failure::Internal("the newest state is gone".into()));
    };
    let state = get::state(call, WantedRevision::Given(revision.0)).await?;
    asked.at(&state, revision, Some(&token)).map_err(|Gone| {
        let inconsistent = Token { revision: None, ..token }.encode();
        Failure::ExpiredContinue(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list \
             without the continue parameter, or use the continue token in this response to retrieve the remainder of the \
             results. Continuing with the provided token results in an inconsistent list - objects that were created, \
             modified, or deleted between the time the first chunk was returned and now may show up in the list."
                .to_owned(),
            inconsistent,
        )
    })
}

/// What is listed.
struct Asked<'a> {
    scope: &'a Scope,
    selection: &'a Selection,
    limit: usize,
    /// Whether the objects live in namespaces.
    namespaced: bool,
}

/// The state is no longer kept.
struct Gone;

/// Objects that one look into the past gives at once, when a selector may leave some of them out.
const PAST_CHUNK: usize = 1_000;

impl Asked<'_> {
    /// The objects as they were at the revision, behind the token's.
    fn at(&self, state: &State, revision: Revision, token: Option<&Token>) -> Result<Page, Gone> {
        let after = token.map(|token| &token.last);
        let mut found =
            if revision >= state.revision() { self.now(state, after) } else { self.past(state, revision, after)? };
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        let total = match token {
            // What was left is known from the page before; in another state it is not.
            Some(token) => token.remaining.filter(|_| token.revision.is_some()),
            None if self.selection.is_everything() && revision >= state.revision() => Some(state.count(self.scope)),
            None => None,
        };
        let remaining = total.and_then(|total| total.checked_sub(found.len() as u64)).filter(|_| more);
        let last = found.last().filter(|_| more).map(|(key, _)| key.clone());
        let continue_token = last.map(|last| Token { revision: Some(revision), remaining, last }.encode());
        Ok(Page { head: ListHead { revision, continue_token, remaining }, objects: found })
    }

    /// One object more than the limit, so that it is known whether there are more.
    fn wanted(&self) -> usize {
        self.limit.saturating_add(1)
    }

    fn now(&self, state: &State, after: Option<&Key>) -> Vec<(Key, Arc<Object>)> {
        if let Some(found) = self.only(state) {
            return found.into_iter().filter(|(key, _)| after.is_none_or(|after| key > after)).collect();
        }
        let everything = self.selection.is_everything();
        state
            .list(self.scope, after)
            .filter(|(key, object)| everything || self.selection.wants(key, object))
            .take(self.wanted())
            .map(|(key, object)| (key.clone(), Arc::clone(object)))
            .collect()
    }

    /// Where only one object can be wanted, it is looked up instead of looked for.
    fn only(&self, state: &State) -> Option<Vec<(Key, Arc<Object>)>> {
        let (name, cluster) = (self.selection.name()?, self.scope.cluster.as_ref()?);
        let namespace = match &self.scope.namespace {
            Some(namespace) => namespace.as_str(),
            None if !self.namespaced => "",
            None => return None,
        };
        let key = Key::new(&self.scope.resource, cluster, namespace, name).ok()?;
        let object = state.get(&key).filter(|object| self.selection.wants(&key, object));
        Some(object.map(|object| (key, Arc::clone(object))).into_iter().collect())
    }

    fn past(&self, state: &State, revision: Revision, after: Option<&Key>) -> Result<Vec<(Key, Arc<Object>)>, Gone> {
        let everything = self.selection.is_everything();
        let chunk = if everything { self.wanted() } else { self.wanted().max(PAST_CHUNK) };
        let mut after = after.cloned();
        let mut found = Vec::new();
        loop {
            let part = state.list_at(self.scope, revision, after.as_ref(), chunk).or(Err(Gone))?;
            let last = part.len() < chunk;
            after = part.last().map(|(key, _)| key.clone());
            found.extend(part.into_iter().filter(|(key, object)| everything || self.selection.wants(key, object)));
            if last || found.len() >= self.wanted() {
                found.truncate(self.wanted());
                return Ok(found);
            }
        }
    }
}

/// Where a page ended. Opaque to clients: base64 of `revision:remaining:key`, each maybe empty but for the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// The state that all pages show; `None` after it is gone.
    pub(crate) revision: Option<Revision>,
    /// How many objects came after it.
    pub(crate) remaining: Option<u64>,
    /// The last object of the page.
    pub(crate) last: Key,
}

impl Token {
    pub(crate) fn encode(&self) -> String {
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let head = format!("{}:{}:", number(self.revision.map(|revision| revision.0)), number(self.remaining));
        URL_SAFE_NO_PAD.encode([head.as_bytes(), self.last.as_bytes()].concat())
    }

    /// Reads a token that was given out for the same scope.
    ///
    /// # Errors
    /// 400.
    pub(crate) fn decode(text: &str, scope: &Scope) -> Result<Self, Failure> {
        let invalid = || {
            Failure::BadRequest("continue key is not valid: it must be one that a list of this kind gave".to_owned())
        };
        let bytes = URL_SAFE_NO_PAD.decode(text).or(Err(invalid()))?;
        let mut parts = bytes.splitn(3, |byte| *byte == b':');
        let mut number = || -> Result<Option<u64>, Failure> {
            let text = std::str::from_utf8(parts.next().ok_or_else(invalid)?).or(Err(invalid()))?;
            if text.is_empty() { Ok(None) } else { text.parse().map(Some).or(Err(invalid())) }
        };
        let (revision, remaining) = (number()?.map(Revision), number()?);
        let last = Key::try_from(parts.next().ok_or_else(invalid)?).or(Err(invalid()))?;
        if !scope.contains(&last) {
            return Err(invalid());
        }
        Ok(Self { revision, remaining, last })
    }
}

#[cfg(test)]
mod tests {
    use hanse_base::id::{ClusterId, Revision};
    use hanse_store::key::{Key, Scope};
    use proptest::prelude::proptest;

    use super::Token;

    fn scope(namespace: &str) -> Scope {
        Scope { resource: "configmaps".into(), cluster: ClusterId::new("root").ok(), namespace: Some(namespace.into()) }
    }

    #[test]
    fn a_token_comes_back_and_is_of_use_in_its_own_scope_only() {
        let last = Key::new("configmaps", &ClusterId::new("root").unwrap(), "n", "a:b").unwrap();
        for revision in [None, Some(Revision(7))] {
            for remaining in [None, Some(0), Some(u64::MAX)] {
                let token = Token { revision, remaining, last: last.clone() };
                assert_eq!(Token::decode(&token.encode(), &scope("n")).unwrap(), token);
                assert_eq!(Token::decode(&token.encode(), &scope("m")).unwrap_err().code(), 400);
            }
        }
    }

    proptest! {
        #[test]
        fn no_token_panics(text in "\\PC{0,40}", bytes in proptest::collection::vec(0_u8.., 0..40)) {
            drop(Token::decode(&text, &scope("n")));
            let encoded = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, &bytes);
            drop(Token::decode(&encoded, &scope("n")));
        }
    }
}
