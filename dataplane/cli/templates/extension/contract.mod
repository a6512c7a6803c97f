// `strait test --config builder.yaml` builds what stands behind these replacements, and completes
// the requirements.
module crate.local/{{name}}/contract

go 1.26.0

require (
	crate.local/{{name}} v0.1.0
	github.com/strait-data/strait/go {{strait}}
	go.opentelemetry.io/collector/extension/extensiontest {{collector}}
	strait.local/native v0.1.0
)

replace (
	crate.local/{{name}} => ../build/strait/extensions/{{type}}
{{replace}}	strait.local/native => ../build/strait/native
)
