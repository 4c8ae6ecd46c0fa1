"""FHIR R4 where it carries a person or a correction: Coverage and VisionPrescription, read strictly."""
