package seed

import (
	"io"
	"testing"

	"perch"
	"perch/activities/activitytest"
	"perch/source"
)

func TestWhatTheAppDoesIsDoneAgainForAnotherDatabase(t *testing.T) {
	const stack = "arn:x:stack/shop-login/1"
	databases := []*perch.Database{
		{
			Mode: perch.DatabaseDedicated,
		}, {Mode: perch.DatabaseShared}, {Mode: perch.DatabaseSnapshot, Snapshot: "a"},
		{Mode: perch.DatabaseSnapshot, Snapshot: "b"},
	}
	load, files := perch.SeedStep{
		Run: &perch.SeedRun{Command: []string{"load"}},
	}, perch.SeedStep{
		S3: &perch.SeedS3{From: "fixtures", To: "assets"},
	}
	marks := map[string]bool{}
	for _, database := range databases {
		marks[Mark(stack, database, load)] = true
		if Mark(stack, database, files) != Mark(stack, nil, files) {
			t.Errorf("files are copied again for another database: %+v", database)
		}
	}
	if len(marks) != len(databases) {
		t.Errorf("%d databases have %d marks", len(databases), len(marks))
	}
	if Mark(stack, nil, load) != Mark(stack, databases[0], load) {
		t.Error("a dedicated database has another mark than none")
	}
}

func TestAFileThatFillsTheWorkersMemoryIsNotRead(t *testing.T) {
	_, err := checkFiles(
		"0123456789",
		"fixtures",
		[]source.File{{Path: "dump.sql", Size: largestSeed + 1, Open: func() (io.ReadCloser, error) {
			t.Error("it was opened")
			return nil, io.EOF
		}}},
	)
	activitytest.WantWords(t, err.Error(), "fixtures/dump.sql", "has 104857601 bytes, and at most 104857600 are read")
}
