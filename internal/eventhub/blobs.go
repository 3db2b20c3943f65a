package eventhub

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2/checkpoints"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// OpenBlobs keeps checkpoints and ownership in a container of Azure Blob
// Storage, "https://ACCOUNT.blob.core.windows.net/CONTAINER", for any number of
// processes. It makes the container where it is missing. The credential is as
// in Config; an http address is that of a stand-in, which wants none.
func OpenBlobs(ctx context.Context, address string, credential azcore.TokenCredential) (azeventhubs.CheckpointStore, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || strings.Trim(u.Path, "/") == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("eventhub: checkpoints are kept in a container, https://ACCOUNT.blob.core.windows.net/CONTAINER")
	case u.RawQuery != "" || u.User != nil:
		return nil, errors.New("eventhub: the address of the container for checkpoints may hold no signature and no user: " +
			"give this identity the role Storage Blob Data Contributor instead")
	}
	client, err := containerClient(u, credential)
	if err != nil {
		return nil, fmt.Errorf("eventhub: checkpoints in %s: %w", address, err)
	}
	_, err = client.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{MaxResults: new(int32(1))}).NextPage(ctx)
	if bloberror.HasCode(err, bloberror.ContainerNotFound, bloberror.ResourceNotFound) {
		_, err = client.Create(ctx, nil)
	}
	if err != nil && !bloberror.HasCode(err, bloberror.ContainerAlreadyExists) {
		return nil, fmt.Errorf("eventhub: checkpoints in %s: is its name right, and has this identity the role Storage Blob Data Contributor? %w", address, err)
	}
	store, err := checkpoints.NewBlobStore(client, nil)
	if err != nil {
		return nil, fmt.Errorf("eventhub: checkpoints in %s: %w", address, err)
	}
	return store, nil
}

func containerClient(u *url.URL, credential azcore.TokenCredential) (*container.Client, error) {
	if u.Scheme == "http" {
		return container.NewClientWithNoCredential(u.String(), nil)
	}
	if credential == nil {
		var err error
		if credential, err = azidentity.NewDefaultAzureCredential(nil); err != nil {
			return nil, err
		}
	}
	return container.NewClient(u.String(), credential, nil)
}
