package perch

// Types of application errors that workflows base decisions on. They are visible in the Temporal
// UI.
const (
	// ErrorDenied: AWS denied the call; the message names the action that the role lacks.
	ErrorDenied = "Denied"
	// ErrorInvalid: AWS or the policy always rejects this input.
	ErrorInvalid = "Invalid"
	// ErrorStackFailed: the stack's operation failed; the message holds the first failed events.
	ErrorStackFailed = "StackFailed"
	// ErrorImageMissing: the image did not appear in its registry in time.
	ErrorImageMissing = "ImageMissing"
	// ErrorNotReady: the environment's address did not answer in time.
	ErrorNotReady = "NotReady"
	// ErrorSeedFailed: a seed step cannot be carried out.
	ErrorSeedFailed = "SeedFailed"
	// ErrorNoteFailed: a note could not be written into the environment's card.
	ErrorNoteFailed = "NoteFailed"
)
