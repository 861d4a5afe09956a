package orchestra

import (
	"context"
	"io"
)

// Volume is storage that outlives the tasks that mount it, until its Cleanup or the driver's Close.
// Its methods may be called by several goroutines at once.
type Volume interface {
	// Name is the name that was given to CreateVolume, and the one that mounts use.
	Name() string
	// Path is where tasks see the volume whose mounts say nothing else, relative to a task's root, which is its default working directory:
	// VolumePath of the name. Mount{Name: v.Name()} and Mount{Name: v.Name(), Path: v.Path()} are the same mount.
	Path() string
	// Cleanup removes the volume with its data. It is idempotent: a volume that is gone is no error. The outcome for a
	// task that still uses the volume is the backend's affair.
	Cleanup(ctx context.Context) error
}

// VolumeDataAccessor is implemented by drivers that can copy data into volumes and out of them. All streams are tar
// archives, of any size and never held in memory. Names in them are relative to the volume.
// The volume must exist; another name is an error. The methods may be called by several goroutines at once.
type VolumeDataAccessor interface {
	// CopyToVolume unpacks a tar stream into the volume, over what is there. Entries that lie outside of the volume,
	// or would after following links, are errors. It returns nil only when everything has arrived;
	// after an error a part of it may be there. The same call may be repeated.
	CopyToVolume(ctx context.Context, volumeName string, reader io.Reader) error
	// CopyFromVolume returns everything in the volume. A stream that is cut ends with an error, not with io.EOF. The
	// caller closes it. ctx bounds the reading too.
	CopyFromVolume(ctx context.Context, volumeName string) (io.ReadCloser, error)
	// ReadFilesFromVolume is CopyFromVolume for the given files and directories. Paths are relative to the volume; one that
	// leaves it, or does not exist, is an error that names it: of the call itself or of reading the stream.
	ReadFilesFromVolume(ctx context.Context, volumeName string, filePaths ...string) (io.ReadCloser, error)
}
