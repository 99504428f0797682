//! What a job may look like: the fields and values of the reference that a worker of ours has a reason to use.

use serde_json::Value;

/// Allowed fields by path; `*` stands for any element of a list. Below `**`, everything is allowed.
const FIELDS: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata/name",
    "metadata/labels/**",
    "metadata/annotations/**",
    "spec/backoffLimit",
    "spec/activeDeadlineSeconds",
    "spec/ttlSecondsAfterFinished",
    "spec/podFailurePolicy/rules/*/action",
    "spec/podFailurePolicy/rules/*/onPodConditions/*/type",
    "spec/podFailurePolicy/rules/*/onPodConditions/*/status",
    "spec/podFailurePolicy/rules/*/onExitCodes/containerName",
    "spec/podFailurePolicy/rules/*/onExitCodes/operator",
    "spec/podFailurePolicy/rules/*/onExitCodes/values/*",
    "spec/template/metadata/labels/**",
    "spec/template/metadata/annotations/**",
    "spec/template/spec/restartPolicy",
    "spec/template/spec/serviceAccountName",
    "spec/template/spec/automountServiceAccountToken",
    "spec/template/spec/enableServiceLinks",
    "spec/template/spec/securityContext/runAsUser",
    "spec/template/spec/securityContext/runAsGroup",
    "spec/template/spec/securityContext/runAsNonRoot",
    "spec/template/spec/securityContext/seccompProfile/type",
    "spec/template/spec/volumes/*/name",
    "spec/template/spec/volumes/*/emptyDir",
    "spec/template/spec/volumes/*/persistentVolumeClaim/claimName",
    "spec/template/spec/volumes/*/persistentVolumeClaim/readOnly",
    "spec/template/spec/containers/*/name",
    "spec/template/spec/containers/*/image",
    "spec/template/spec/containers/*/command/*",
    "spec/template/spec/containers/*/args/*",
    "spec/template/spec/containers/*/env/*/name",
    "spec/template/spec/containers/*/env/*/valueFrom/fieldRef/fieldPath",
    "spec/template/spec/containers/*/resources/requests/**",
    "spec/template/spec/containers/*/resources/limits/**",
    "spec/template/spec/containers/*/volumeMounts/*/name",
    "spec/template/spec/containers/*/volumeMounts/*/mountPath",
    "spec/template/spec/containers/*/volumeMounts/*/readOnly",
    "spec/template/spec/containers/*/securityContext/allowPrivilegeEscalation",
    "spec/template/spec/containers/*/securityContext/capabilities/drop/*",
    "spec/template/spec/containers/*/securityContext/readOnlyRootFilesystem",
];
/// Maximum length of a label's value and of a name that becomes the host name of a pod.
const MAX_NAME: usize = 63;

/// Checks a job, as the API server would before it stores it.
pub(super) fn check(job: &Value) -> Result<(), String> {
    fields(job, "")?;
    if job["apiVersion"] != "batch/v1" || job["kind"] != "Job" {
        return Err("it is not a Job of batch/v1".into());
    }
    let name = job["metadata"]["name"].as_str().unwrap_or_default();
    let plain = |text: &str| {
        let inner = text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-');
        (1..=MAX_NAME).contains(&text.len()) && inner && !text.starts_with('-') && !text.ends_with('-')
    };
    if !plain(name) {
        return Err(format!("metadata.name: {name:?} is not a label of DNS"));
    }
    for labels in [&job["metadata"]["labels"], &job["spec"]["template"]["metadata"]["labels"]] {
        for value in labels.as_object().into_iter().flatten().map(|(_, value)| value.as_str().unwrap_or_default()) {
            let inner = value.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(&it));
            if value.len() > MAX_NAME || !inner {
                return Err(format!("a label has the value {value:?}"));
            }
        }
    }
    let pod = &job["spec"]["template"]["spec"];
    if pod["restartPolicy"] != "Never" {
        return Err("spec.template.spec.restartPolicy: a pod failure policy needs Never".into());
    }
    let containers = pod["containers"].as_array().ok_or("spec.template.spec.containers: required")?;
    for container in containers {
        if container["image"].as_str().unwrap_or_default().is_empty() {
            return Err("a container has no image".into());
        }
        amounts(&container["resources"]["limits"])?;
        amounts(&container["resources"]["requests"])?;
        for mount in container["volumeMounts"].as_array().into_iter().flatten() {
            let known = pod["volumes"].as_array().into_iter().flatten().any(|volume| volume["name"] == mount["name"]);
            if !known {
                return Err(format!("volumeMounts: there is no volume {}", mount["name"]));
            }
        }
    }
    Ok(())
}

fn amounts(resources: &Value) -> Result<(), String> {
    for (name, amount) in resources.as_object().ok_or("resources: required")? {
        let text = amount.as_str().unwrap_or_default();
        let digits = text.strip_suffix('m').filter(|_| name == "cpu").unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|it| it.is_ascii_digit()) {
            return Err(format!("resources.{name}: {amount} is not an amount"));
        }
    }
    Ok(())
}

fn fields(value: &Value, path: &str) -> Result<(), String> {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
    let is_free = FIELDS.iter().any(|field| field.strip_suffix("/**") == Some(path));
    match value {
        Value::Object(_) if is_free || FIELDS.contains(&path) => Ok(()),
        Value::Object(map) => map.iter().try_for_each(|(name, value)| fields(value, &below(name))),
        Value::Array(list) => list.iter().try_for_each(|value| fields(value, &below("*"))),
        _ if FIELDS.contains(&path) => Ok(()),
        _ => Err(format!("unknown field {path:?}")),
    }
}
