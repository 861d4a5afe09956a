package pki

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func parse(t *testing.T, certificate []byte) *x509.Certificate {
	t.Helper()
	block, rest := pem.Decode(certificate)
	require.NotNil(t, block)
	require.Empty(t, rest)
	cert, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return cert
}

func roots(t *testing.T, a *Authority) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(a.PEM))
	return pool
}

func TestClientCertificateIsUserAndGroups(t *testing.T) {
	a, err := NewAuthority("test", time.Now)
	require.NoError(t, err)
	pair, err := a.Client("jane", "readers", "writers")
	require.NoError(t, err)

	cert := parse(t, pair.Cert)
	assert.Equal(t, "jane", cert.Subject.CommonName)
	assert.ElementsMatch(t, []string{"readers", "writers"}, cert.Subject.Organization)
	_, err = cert.Verify(x509.VerifyOptions{Roots: roots(t, a), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	require.NoError(t, err)
	_, err = tls.X509KeyPair(pair.Cert, pair.Key)
	assert.NoError(t, err)
}

func TestServerCertificateIsForItsHostsOnly(t *testing.T) {
	a, err := NewAuthority("test", time.Now)
	require.NoError(t, err)
	pair, err := a.Server("server", "127.0.0.1", "localhost")
	require.NoError(t, err)

	cert := parse(t, pair.Cert)
	for _, host := range []string{"127.0.0.1", "localhost"} {
		_, err = cert.Verify(x509.VerifyOptions{Roots: roots(t, a), DNSName: host})
		require.NoError(t, err, host)
	}
	_, err = cert.Verify(x509.VerifyOptions{Roots: roots(t, a), DNSName: "example.org"})
	assert.Error(t, err)
}

func TestAnotherAuthorityIsNotTrusted(t *testing.T) {
	a, err := NewAuthority("a", time.Now)
	require.NoError(t, err)
	b, err := NewAuthority("b", time.Now)
	require.NoError(t, err)
	pair, err := a.Client("jane")
	require.NoError(t, err)
	_, err = parse(t, pair.Cert).Verify(x509.VerifyOptions{Roots: roots(t, b), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	assert.Error(t, err)
}

func TestValidityFollowsTheClock(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	a, err := NewAuthority("test", func() time.Time { return now })
	require.NoError(t, err)
	pair, err := a.Client("jane")
	require.NoError(t, err)
	cert := parse(t, pair.Cert)
	assert.Equal(t, now.Add(-time.Hour), cert.NotBefore)
	assert.Equal(t, now.Add(validity), cert.NotAfter)
}

func TestSigningKeysBelongTogether(t *testing.T) {
	private, public, err := SigningKey()
	require.NoError(t, err)
	privateBlock, _ := pem.Decode(private)
	require.NotNil(t, privateBlock)
	key, err := x509.ParseECPrivateKey(privateBlock.Bytes)
	require.NoError(t, err)
	publicBlock, _ := pem.Decode(public)
	require.NotNil(t, publicBlock)
	other, err := x509.ParsePKIXPublicKey(publicBlock.Bytes)
	require.NoError(t, err)
	assert.True(t, key.PublicKey.Equal(other))
}
