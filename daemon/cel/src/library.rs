//! The functions of Kubernetes' CEL environment (`k8s.io/apiserver/pkg/cel/environment/base.go`, version 1.36), and of the
//! environment of mutating policies: CEL's standard library, cel-go's extensions for strings, sets and lists, optional
//! values, and Kubernetes' own libraries.
//!
//! Functions are found by name and look at what kinds of values they get.

pub mod amount;
pub mod authorizer;
pub mod cidr;
pub(crate) mod clock;
pub(crate) mod convert;
pub(crate) mod cost;
pub mod format;
pub(crate) mod ip;
pub(crate) mod lists;
pub(crate) mod operators;
pub(crate) mod optional;
pub(crate) mod pattern;
pub(crate) mod regex;
pub mod semver;
pub(crate) mod sets;
pub(crate) mod template;
pub(crate) mod text;
pub mod url;

use crate::budget::{EvalError, Meter};
use crate::interpret::Outcome;
use crate::value::Value;
use crate::value::opaque::Opaque;

/// A function: values in, a value out. The receiver of a call is the first value.
pub(crate) type Function = for<'a> fn(&[Value<'a>], &mut Meter<'_>) -> Outcome<'a>;

/// The function of a name. `args` counts the receiver.
pub(crate) fn find(name: &str, member: bool, args: usize) -> Option<Function> {
    standard(name).or_else(|| extension(name, member)).or_else(|| kubernetes(name)).or_else(|| named_format(name, args))
}

fn standard(name: &str) -> Option<Function> {
    Some(match name {
        "_+_" => operators::add,
        "_-_" => operators::subtract,
        "_*_" => operators::multiply,
        "_/_" => operators::divide,
        "_%_" => operators::remainder,
        "-_" => operators::negate,
        "!_" => operators::not,
        "_<_" => operators::less,
        "_<=_" => operators::less_or_equal,
        "_>_" => operators::greater,
        "_>=_" => operators::greater_or_equal,
        "@in" => operators::within,
        "size" => operators::size,
        "bool" => convert::bool,
        "int" => convert::int,
        "uint" => convert::uint,
        "double" => convert::double,
        "string" => convert::string,
        "bytes" => convert::bytes,
        "timestamp" => convert::timestamp,
        "duration" => convert::duration,
        "type" => convert::type_of,
        "dyn" => convert::dynamic,
        "contains" => text::contains,
        "startsWith" => text::starts_with,
        "endsWith" => text::ends_with,
        "matches" => regex::matches,
        "getFullYear" => clock::full_year,
        "getMonth" => clock::month,
        "getDayOfYear" => clock::day_of_year,
        "getDayOfMonth" => clock::day_of_month,
        "getDate" => clock::date,
        "getDayOfWeek" => clock::day_of_week,
        "getHours" => clock::hours,
        "getMinutes" => clock::minutes,
        "getSeconds" => clock::seconds,
        "getMilliseconds" => clock::milliseconds,
        _ => return None,
    })
}

fn extension(name: &str, member: bool) -> Option<Function> {
    Some(match name {
        "charAt" => text::char_at,
        "lowerAscii" => text::lower,
        "upperAscii" => text::upper,
        "replace" => text::replace,
        "split" => text::split,
        "substring" => text::substring,
        "trim" => text::trim,
        "join" => text::join,
        "format" if member => template::format,
        "strings.quote" => text::quote,
        "indexOf" => lists::index_of,
        "lastIndexOf" => lists::last_index_of,
        "slice" => lists::slice,
        "flatten" => lists::flatten,
        "sort" => lists::sort,
        "@sortByAssociatedKeys" => lists::sort_by_keys,
        "lists.range" => lists::range,
        "reverse" => lists::reverse,
        "distinct" => lists::distinct,
        "sets.contains" => sets::contains,
        "sets.equivalent" => sets::equivalent,
        "sets.intersects" => sets::intersects,
        "optional.of" => optional::of,
        "optional.ofNonZeroValue" => optional::of_non_zero,
        "optional.none" => optional::none,
        "optional.unwrap" | "unwrapOpt" => optional::unwrap,
        "value" => optional::value,
        "hasValue" => optional::has_value,
        "first" => optional::first,
        "last" => optional::last,
        "jsonpatch.escapeKey" => text::escape_key,
        _ => return None,
    })
}

fn kubernetes(name: &str) -> Option<Function> {
    Some(match name {
        "isSorted" => lists::is_sorted,
        "sum" => lists::sum,
        "min" => lists::min,
        "max" => lists::max,
        "find" => regex::find,
        "findAll" => regex::find_all,
        "url" => url::url,
        "isURL" => url::is_url,
        "getScheme" => url::scheme,
        "getHost" => url::host,
        "getHostname" => url::host_name,
        "getPort" => url::port,
        "getEscapedPath" => url::escaped_path,
        "getQuery" => url::query,
        "quantity" => amount::quantity,
        "isQuantity" => amount::is_quantity,
        "sign" => amount::sign,
        "isInteger" => amount::is_integer,
        "asInteger" => amount::as_integer,
        "asApproximateFloat" => amount::as_float,
        "add" => amount::add,
        "sub" => amount::sub,
        "isGreaterThan" => amount::is_greater,
        "isLessThan" => amount::is_less,
        "compareTo" => amount::compare,
        "ip" => ip::ip,
        "isIP" => ip::is_ip,
        "ip.isCanonical" => ip::is_canonical,
        "family" => ip::family,
        "isUnspecified" => ip::is_unspecified,
        "isLoopback" => ip::is_loopback,
        "isLinkLocalMulticast" => ip::is_link_local_multicast,
        "isLinkLocalUnicast" => ip::is_link_local_unicast,
        "isGlobalUnicast" => ip::is_global_unicast,
        "cidr" => cidr::cidr,
        "isCIDR" => cidr::is_cidr,
        "containsIP" => cidr::contains_ip,
        "containsCIDR" => cidr::contains_cidr,
        "prefixLength" => cidr::prefix_length,
        "masked" => cidr::masked,
        "semver" => semver::semver,
        "isSemver" => semver::is_semver,
        "major" => semver::major,
        "minor" => semver::minor,
        "patch" => semver::patch,
        "format.named" => format::by_name,
        "validate" => format::validate,
        _ => return authorization(name),
    })
}

fn authorization(name: &str) -> Option<Function> {
    Some(match name {
        "path" => authorizer::path,
        "group" => authorizer::group,
        "serviceAccount" => authorizer::service_account,
        "resource" => authorizer::resource,
        "subresource" => authorizer::subresource,
        "namespace" => authorizer::namespace,
        "name" => authorizer::name,
        "fieldSelector" => authorizer::field_selector,
        "labelSelector" => authorizer::label_selector,
        "check" => authorizer::check,
        "allowed" => authorizer::allowed,
        "reason" => authorizer::reason,
        "errored" => authorizer::errored,
        "error" => authorizer::error,
        _ => return None,
    })
}

/// `format.dns1123Label()` and its like.
fn named_format(name: &str, args: usize) -> Option<Function> {
    macro_rules! formats {
        ($($format:literal)*) => {
            match name.strip_prefix("format.")? {
                $($format => Some(|_, _| constant($format)),)*
                _ => None,
            }
        };
    }
    if args > 0 {
        return None;
    }
    formats!(
        "dns1123Label" "dns1123Subdomain" "dns1035Label" "qualifiedName" "dns1123LabelPrefix" "dns1123SubdomainPrefix"
        "dns1035LabelPrefix" "labelValue" "uri" "uuid" "byte" "date" "datetime"
    )
}

fn constant<'a>(name: &str) -> Outcome<'a> {
    format::named(name).map(|format| Value::Opaque(Opaque::Format(format))).ok_or_else(EvalError::no_such_overload)
}
